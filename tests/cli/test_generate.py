"""`charlstm generate`: the text, its destination, its format, and what is refused."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from charlstm.storage.model_file import save_model
from charlstm.text.vocabulary import Vocabulary
from tests.conftest import random_model


def test_prompt_file_echo_and_stop(charlstm, run):
    Path("prompt.txt").write_text("from a file")
    options = ["--random-seed", 1, "--length", 80]
    whole = charlstm("generate", *options, "--seed-file", "prompt.txt")[1]
    assert whole.startswith("from a file")
    rest = charlstm("generate", *options, "--seed-file", "prompt.txt", "--no-echo")[1]
    assert whole == "from a file" + rest
    stop = rest[30:33]
    stopped = charlstm("generate", *options, "--seed", "from a file", "--stop", stop)[1]
    assert stopped == "from a file" + rest[: rest.index(stop)]


def test_prompt_and_out_are_other_names(charlstm, run):
    Path("prompt.txt").write_text("ab")
    options = ["--random-seed", 1, "--length", 9]
    text = charlstm("generate", *options, "--seed", "ab")[1]
    assert charlstm("generate", *options, "--prompt", "ab")[1] == text
    assert charlstm("generate", *options, "--prompt-file", "prompt.txt")[1] == text
    for name in ("--output", "--out", "-o"):
        assert charlstm("generate", *options, "--prompt", "ab", name, f"{name}.txt")[1] == ""
        assert Path(f"{name}.txt").read_text() == text


def test_json_has_all_that_is_needed_to_generate_the_text_again(charlstm, run):
    options = ["--seed", "ab", "--length", 9, "--num-samples", 3, "--random-seed", 7, "--scores", "--top-p", 0.9]
    values = json.loads(charlstm("generate", *options, "--format", "json")[1])
    lines = charlstm("generate", *options, "--format", "jsonl")[1].splitlines()
    assert [json.loads(line) for line in lines] == values
    assert [list(value) for value in values] == [
        ["seed", "text", "random_seed", "settings", "model", "model_sha256", "scores"]
    ] * 3
    assert [value["random_seed"] for value in values] == [7, 8, 9]
    assert all(len(value["scores"]) == len(value["text"]) == 9 for value in values)
    assert values[0]["settings"]["top_p"] == 0.9
    assert len(values[0]["model_sha256"]) == 64
    alone = charlstm("generate", "--seed", "ab", "--length", 9, "--random-seed", 9, "--top-p", 0.9)[1]
    assert alone == "ab" + values[2]["text"]


def test_several_texts_and_a_file(charlstm, run):
    options = ["--seed", "ab", "--length", 9, "--num-samples", 2, "--random-seed", 7]
    text = charlstm("generate", *options, "--separator", "|")[1]
    assert [len(part) for part in text.split("|")] == [11, 11]
    assert charlstm("generate", *options, "--separator", "|", "--output", "out.txt")[1] == ""
    assert Path("out.txt").read_text() == text


@pytest.mark.parametrize(
    "options", [["--lines", 1], ["--lines", 1, "--length", 5], ["--stop", "\n"], ["--stop", "\n", "--include-stop"]]
)
def test_texts_of_one_line_stand_on_lines_of_their_own(charlstm, run, options):
    common = ["--seed", "ab", "--num-samples", 6, "--random-seed", 7, *options]
    texts = [json.loads(line)["text"] for line in charlstm("generate", *common, "--format", "jsonl")[1].splitlines()]
    expected = "".join("ab" + text.removesuffix("\n") + "\n" for text in texts)
    assert charlstm("generate", *common)[1] == expected
    requests = [json.dumps({"seed": "ab"})] * 6
    Path("requests.jsonl").write_text("\n".join(requests))
    arguments = ["--batch", "requests.jsonl", "--random-seed", 7, *options]
    assert charlstm("generate", *arguments)[1].count("\n") == 6
    separated = charlstm("generate", *common, "--separator", "|")[1]
    assert separated == "|".join("ab" + text for text in texts)


@pytest.mark.parametrize("options", [["--seed", "a\nb", "--lines", 1], ["--seed", "ab", "--lines", 2], []])
def test_texts_of_several_lines_are_separated(charlstm, run, options):
    assert charlstm("generate", *options, "--num-samples", 6, "--length", 30)[1].count("\n---\n") == 5


def test_a_single_text_ends_as_the_model_ends_it(charlstm, run):
    options = ["--seed", "ab", "--lines", 1, "--length", 2, "--random-seed", 7, "--no-echo"]
    assert len(charlstm("generate", *options)[1]) == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--top-p", 2], "--top-p is 2.0"),
        (["--min-p", 0], "--min-p is 0.0"),
        (["--typical", -1], "--typical is -1.0"),
        (["--repetition-penalty", 0.5], "--repetition-penalty is 0.5"),
        (["--repetition-window", 0], "--repetition-window is 0"),
        (["--stop", ""], "--stop is empty"),
        (["--lines", 0], "--lines is 0"),
        (["--num-samples", 0], "--num-samples"),
        (["--format", "xml"], "--format is 'xml'"),
        (["--scores"], "--scores needs --format json"),
        (["--seed", "a", "--seed-file", "b"], "--seed and --seed-file"),
        (["--prompt", "a", "--prompt-file", "b"], "--seed and --seed-file"),
        (["--max-time", "soon"], "--max-time: 'soon' is not a duration"),
    ],
)
def test_wrong_usage(charlstm, run, arguments, message):
    code, out, err = charlstm("generate", *arguments)
    assert (code, out) == (2, "")
    assert message in err.splitlines()[0]


def test_closed_pipe_ends_it_quietly(run):
    command = f"{sys.executable} -m charlstm generate tiny --length 300000 | head -c 10"
    result = subprocess.run(command, shell=True, capture_output=True, text=True, timeout=60)  # noqa: S602
    assert len(result.stdout) == 10
    assert result.stderr == ""


def test_without_a_prompt_it_starts_like_a_line_of_the_training_text(charlstm, trained):
    texts = {charlstm("generate", "--length", 3, "--random-seed", seed)[1] for seed in range(20)}
    assert {text[:-3] for text in texts} == {"the quick", "over"}
    value = json.loads(charlstm("generate", "--length", 3, "--random-seed", 1, "--format", "jsonl")[1])
    assert value["seed"] + value["text"] == charlstm("generate", "--length", 3, "--random-seed", 1)[1]


def test_novelty_is_reported_and_its_index_is_kept(charlstm, trained):
    arguments = ["generate", "--seed", "the", "--length", 40, "--random-seed", 1, "--novelty"]
    code, out, err = charlstm(*arguments)
    assert (code, len(out)) == (0, 43)
    assert "indexing the training text" in err
    assert "the longest run copied from the training text has" in err
    index = trained / "text_index.safetensors"
    assert "indexing" not in charlstm(*arguments)[2]
    index.write_bytes(b"damaged")
    assert "indexing" in charlstm(*arguments)[2]
    novelty = json.loads(charlstm(*arguments, "--format", "json")[1])[0]["novelty"]
    assert novelty["longest_copied_text"] in Path("text.txt").read_text()
    assert len(novelty["longest_copied_text"]) == novelty["longest_copied_run"]
    index.unlink()
    Path("text.txt").write_text("another")
    code, out, err = charlstm(*arguments)
    assert (code, out) == (1, "")
    assert "has changed since the model was trained on it" in err
    assert "--novelty and --new compare with it" in err


def test_novelty_without_a_run_folder(charlstm, run):
    code, out, err = charlstm("generate", "--novelty", "--output-dir", "folder")
    assert (code, out) == (1, "")
    assert "that says which text" in err
    assert "--novelty and --new compare with that text" in err
    assert not Path("folder").exists()


def test_requests_of_a_file_are_answered_in_order(charlstm, trained):
    lines = [{"seed": "ab", "length": 5}, {"random_seed": 4, "temperature": 0}, {"prompt": "x", "stop": ["e", "t"]}]
    Path("requests.jsonl").write_text("\n\n".join(map(json.dumps, lines)))
    code, out, _ = charlstm("generate", "--batch", "requests.jsonl", "--random-seed", 7, "--format", "jsonl")
    answers = [json.loads(line) for line in out.splitlines()]
    assert code == 0
    assert [answer["random_seed"] for answer in answers] == [7, 4, 9]
    assert [answer["seed"] for answer in answers[::2]] == ["ab", "x"]
    assert answers[1]["seed"] in ("the quick", "over")
    assert len(answers[0]["text"]) == 5
    alone = charlstm("generate", "--seed", "ab", "--length", 5, "--random-seed", 7)[1]
    assert alone == "ab" + answers[0]["text"]
    assert answers[2]["settings"]["stops"] == ["e", "t"]


def test_invalid_request_is_named_by_file_line_and_option(charlstm, run):
    Path("requests.jsonl").write_text('{"seed": "a"}\n{"top_k": 0}')
    code, out, err = charlstm("generate", "--batch", "requests.jsonl")
    assert (code, out) == (2, "")
    assert (
        err.splitlines()[0]
        == "error: requests.jsonl, line 2: --top-k is 0, but it must be at least 1 and at most 1,000,000"
    )


def test_folder_of_texts(charlstm, run):
    options = ["--seed", "ab", "--length", 9, "--num-samples", 3, "--random-seed", 7]
    assert charlstm("generate", run, *options, "--output-dir", "out/here") == (0, "", "")
    files = sorted(Path("out/here").iterdir())
    assert [file.name for file in files] == ["0001.txt", "0002.txt", "0003.txt"]
    assert charlstm("generate", *options, "--separator", "|")[1] == "|".join(file.read_text() for file in files)
    charlstm("generate", *options, "--output-dir", "json", "--format", "json")
    assert json.loads(Path("json/0003.json").read_text())["random_seed"] == 9
    Path("file").touch()
    code, _, err = charlstm("generate", "--output-dir", "file")
    assert code == 1
    assert "file" in err


def test_most_probable_texts(charlstm, run):
    options = ["--seed", "ab", "--length", 6, "--beam", 20]
    values = json.loads(charlstm("generate", *options, "--num-samples", 3, "--format", "json", "--scores")[1])
    totals = [sum(value["scores"]) for value in values]
    assert totals == sorted(totals, reverse=True)
    assert charlstm("generate", *options)[1] == "ab" + values[0]["text"]


def test_several_models(charlstm, run, model):
    from charlstm.storage.model_file import save_model
    from tests.conftest import random_model

    Path("runs/other").mkdir()
    save_model(Path("runs/other/model.safetensors"), random_model(characters="ABC"))
    options = ["--seed", "ab", "--length", 300, "--random-seed", 7]
    alone = charlstm("generate", "tiny", *options)[1]
    assert charlstm("generate", "--model", "tiny:3", *options)[1] == alone
    both = charlstm("generate", "--model", "tiny", "--model", "other:2", *options)[1]
    assert {"A", "B", "C", "e"} < set(both)
    assert both.count("A") + both.count("B") + both.count("C") > 130
    value = json.loads(charlstm("generate", "--model", "tiny", "--model", "other:2", "--format", "jsonl")[1])
    assert [member["weight"] for member in value["models"]] == [1, 2]
    messages = (
        ("tiny:0", "in --model tiny:0 must be above 0"),
        ("none:1", "there is no run"),
        ("tiny:x", "there is no run"),
    )
    for name, message in messages:
        assert message in charlstm("generate", "--model", name)[2]


@pytest.mark.parametrize(
    "arguments",
    [
        ["tiny", "--model", "tiny"],
        ["--batch", "b", "--seed", "a"],
        ["--batch", "b", "--num-samples", 2],
        ["--beam", 2, "--temperature", 0.5],
        ["--beam", 2, "--num-samples", 3],
        ["--output", "a", "--output-dir", "b"],
    ],
)
def test_contradicting_options(charlstm, run, arguments):
    code, out, err = charlstm("generate", *arguments)
    assert (code, out) == (2, "")
    assert arguments[-2] in err


def test_path_that_cannot_be_written(charlstm, run):
    code, out, err = charlstm("generate", run, "--output", "missing/x")
    assert (code, out) == (1, "")
    lines = err.splitlines()
    assert lines[0] == "error: missing/x cannot be written: No such file or directory"
    assert lines[1] == "hint: check that the folder exists, its permissions and the free space"


def test_folder_in_place_of_a_file_is_refused_before_generating(charlstm, run):
    Path("folder").mkdir()
    code, out, err = charlstm("generate", run, "-o", "folder")
    assert (code, out) == (1, "")
    assert err.splitlines() == [
        "error: folder is a folder",
        "hint: give a file, or --output-dir for a file for each text",
    ]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a full device")
def test_full_disk_behind_standard_output_is_one_line(run):
    command = f"{sys.executable} -m charlstm generate tiny --length 3 > /dev/full"
    result = subprocess.run(command, shell=True, capture_output=True, text=True, timeout=60)  # noqa: S602
    assert result.returncode == 1
    assert result.stderr.splitlines()[0] == "error: standard output cannot be written: No space left on device"


def test_text_depends_neither_on_its_length_nor_on_the_number_of_texts(charlstm, run):
    from charlstm.generation.jobs import MAX_UNCOMPILED_LENGTH

    for length in (MAX_UNCOMPILED_LENGTH, MAX_UNCOMPILED_LENGTH + 1):
        options = ["--seed", "ab", "--length", length, "--random-seed", 3, "--format", "jsonl"]
        texts = [
            json.loads(line)["text"] for line in charlstm("generate", *options, "--num-samples", 9)[1].splitlines()
        ]
        assert [len(text) for text in texts] == [length] * 9
        options[5] = 8  # the random seed of the sixth
        assert json.loads(charlstm("generate", *options)[1])["text"] == texts[5]
        short = charlstm("generate", "--seed", "ab", "--length", 20, "--random-seed", 8, "--no-echo")[1]
        assert texts[5].startswith(short)


def test_empty_prompt_begins_with_nothing(charlstm, trained):
    options = ["--length", 5, "--random-seed", 1]
    text = charlstm("generate", "--seed", "", *options)[1]
    assert len(text) == 5
    assert charlstm("generate", "--seed", "", "--no-echo", *options)[1] == text
    Path("requests.jsonl").write_text('{"seed": ""}\n{"prompt": ""}')
    out = charlstm("generate", "--batch", "requests.jsonl", "--format", "jsonl", *options)[1]
    values = [json.loads(line) for line in out.splitlines()]
    assert [value["seed"] for value in values] == ["", ""]
    assert values[0]["text"] == text


def test_stop_that_the_model_never_writes_is_said(charlstm, run):
    options = ["--seed", "a", "--length", 5]
    assert (
        "warning: --stop 'X' never ends a text: the model never writes 'X'"
        in charlstm("generate", "--stop", "X", *options)[2]
    )
    assert "it has 7 characters, but --length is 5" in charlstm("generate", "--stop", "abcdefg", *options)[2]
    assert charlstm("generate", run, "--stop", "ab", *options)[2] == ""
    Path("requests.jsonl").write_text('{"seed": "a", "stop": "Y"}')
    assert "--stop 'Y' never ends a text" in charlstm("generate", "--batch", "requests.jsonl")[2]


def test_digest_is_that_of_the_model_that_wrote(charlstm, run, model):
    from hashlib import sha256

    from charlstm.generation.load import load_models

    file = run / "model.safetensors"
    expected = sha256(file.read_bytes()).hexdigest()
    (loaded,) = load_models("tiny")
    file.write_bytes(b"another")
    assert loaded.digest == expected


@pytest.mark.parametrize(
    ("content", "options"),
    [
        ("Ma\u00f1ana ver\u00e1 el se\u00f1or Mu\u00f1oz qu\u00e9 pas\u00f3".encode("latin-1"), []),
        ("Ma\u00f1ana \u0448".encode("koi8-r", "replace"), ["--encoding", "koi8-r"]),
        (b"caf\x8e", ["--encoding", "mac_roman"]),
    ],
)
def test_a_prompt_file_is_read_in_its_encoding(charlstm, run, content, options):
    Path("prompt.txt").write_bytes(content)
    code, out, _ = charlstm("generate", "--seed-file", "prompt.txt", "--length", 3, *options)
    assert code == 0
    assert out.startswith(content.decode(options[1] if options else "latin-1"))


def test_a_batch_is_read_in_its_encoding(charlstm, run):
    Path("batch.jsonl").write_bytes('{"seed": "caf\u00e9", "length": 2}\n'.encode("mac_roman"))
    code, out, _ = charlstm("generate", "--batch", "batch.jsonl", "--encoding", "mac_roman", "--format", "jsonl")
    assert code == 0
    assert json.loads(out)["seed"] == "caf\u00e9"
    code, _, err = charlstm("generate", "--encoding", "mac_roman")
    assert (code, "--encoding is that of a file" in err) == (2, True)


def test_a_prompt_is_read_in_the_form_of_the_model(charlstm, run):
    characters = "\n abe\u0301"
    vocabulary = Vocabulary.from_text(characters, normalize="none")
    save_model(run / "model.safetensors", replace(random_model(characters=characters), vocabulary=vocabulary))
    Path("composed.txt").write_text("b\u00e9a")
    Path("decomposed.txt").write_text("be\u0301a")
    texts = []
    for name in ("composed", "decomposed"):
        options = ("--seed-file", f"{name}.txt", "--unknown", "error", "--no-echo", "--random-seed", 1, "--length", 20)
        code, out, err = charlstm("generate", run, *options)
        assert (code, err) == (0, "")
        texts.append(out)
    assert texts[0] == texts[1]


def test_models_are_mixed_by_words(charlstm, run):
    models = ["--model", "tiny", "--model", "tiny:2"]
    code, out, _ = charlstm("generate", *models, "--mix", "words", "--length", 20, "--format", "jsonl")
    assert (code, json.loads(out)["mix"]) == (0, "words")
    code, _, err = charlstm("generate", *models, "--mix", "letters")
    assert (code, "--mix is 'letters', but it must be one of characters, words, lines" in err) == (2, True)
    code, _, err = charlstm("generate", "--mix", "words")
    assert (code, "--mix is for several models" in err) == (2, True)
