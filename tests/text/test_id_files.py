import numpy as np
import pytest

from charlstm.text.id_files import IdSpool, in_chunks


@pytest.fixture(autouse=True)
def _small_chunks(monkeypatch):
    monkeypatch.setattr("charlstm.text.id_files.CHUNK_IDS", 4)


def test_chunks_cover_all_ids():
    assert [chunk.tolist() for chunk in in_chunks(np.arange(10))] == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]


@pytest.mark.parametrize(("max_in_memory", "is_large"), [(100, False), (10, False), (5, True), (0, True)])
def test_spool_keeps_the_order_in_memory_and_on_disk(tmp_path, max_in_memory, is_large):
    with IdSpool(tmp_path, max_in_memory=max_in_memory, max_without_file=0) as spool:
        for start in range(0, 10, 2):
            spool.append(np.arange(start, start + 2, dtype=np.uint16))
        assert len(spool) == 10
        assert spool.is_large == is_large
        assert np.concatenate(list(spool.chunks())).tolist() == list(range(10))
    assert list(tmp_path.iterdir()) == []
