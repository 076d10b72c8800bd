"""The score of a run on its test part."""

import json
from pathlib import Path

import pytest

from charlstm.errors import CorpusError
from charlstm.experiments.final_test import report_test
from charlstm.storage.run_folder import RunFolder
from charlstm.text.corpus import load_corpus

LINE = "the quick brown fox jumps over the lazy dog\n"


def test_a_run_is_scored_on_the_test_part_that_it_recorded(trained):
    run = RunFolder(trained)
    assert report_test(run) is None
    Path("test.txt").write_text(LINE * 3 + "XYZ")
    test = {"sources": [str(Path("test.txt").absolute())], "sha256": load_corpus(["test.txt"]).digest}
    config = json.loads(run.config.read_text())
    config["text"]["parts"] = {"training": {}, "test": test}
    run.config.write_text(json.dumps(config))
    report = report_test(run)
    assert report is not None
    assert (report.run, report.scores.characters, report.num_skipped) == ("tiny", 3 * len(LINE) - 1, 3)
    assert report.to_json()["bits_per_character"] == report.scores.bits_per_character
    Path("test.txt").write_text(LINE)
    with pytest.raises(CorpusError, match="the test part has changed"):
        report_test(run)
