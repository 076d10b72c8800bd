import hashlib

import numpy as np
import pytest

from charlstm.errors import CorpusError
from charlstm.text.id_files import IdSpool
from charlstm.text.text_encoder import TextEncoder


@pytest.mark.parametrize("max_in_memory", [0, 3, 100])
def test_failed_text_leaves_nothing(tmp_path, max_in_memory):
    with IdSpool(tmp_path, max_in_memory=max_in_memory, max_without_file=0) as spool:
        encoder = TextEncoder(spool)

        def failing():
            yield "xyz"
            yield "abab"
            raise CorpusError("damaged")

        for text in (["b"], ["", "ab", ""], ["c\n"], []):
            with pytest.raises(CorpusError, match="damaged"):
                encoder.append(failing())
            assert encoder.append(iter(text)) == bool(text)
        characters, counts, ranks = encoder.ordered()
        expected = "b\nab\nc\n"
        assert (characters, counts) == ("\nabc", (3, 1, 2, 1))
        ids = ranks[np.concatenate(list(spool.chunks()))]
        assert "".join(characters[index] for index in ids) == expected
        assert encoder.digest == hashlib.sha256(expected.encode()).hexdigest()
