"""The addresses of workers, from options and from the environment; a socket that answers at one of them only."""

import json
import re
import socket
import sys

import pytest

from charlstm.config import TrainingConfig
from charlstm.errors import SettingError
from charlstm.training.cluster import Cluster, ClusterOptions
from charlstm.training.leading import check_shards
from charlstm.training.listening import answer_only_at

PAIR = "one:7001,two:7002"


@pytest.fixture(autouse=True)
def _no_cluster(monkeypatch):
    monkeypatch.delenv("TF_CONFIG", raising=False)


def options(workers, index):
    return ClusterOptions.given(workers, index, 30.0)


def test_a_process_trains_alone_unless_it_is_told_of_others():
    assert options(None, None) is None


def test_addresses_are_those_of_the_option_in_its_order():
    cluster = options(PAIR, 1).cluster()
    assert (cluster.addresses, cluster.index, len(cluster)) == (("one:7001", "two:7002"), 1, 2)
    assert (cluster.host, cluster.port, cluster.is_chief) == ("two", 7002, False)
    assert (cluster.name(0), cluster.name(1)) == ("the chief (one:7001)", "worker 1 (two:7002)")
    assert options("[::1]:7001,[::1]:7002", 0).cluster().host == "::1"


@pytest.mark.parametrize(
    ("workers", "index", "message"),
    [
        (PAIR, None, "`worker_index` is missing"),
        (None, 1, "`worker_index` is given without `workers`"),
        (PAIR, 2, "`worker_index` is 2, but it must be from 0 to 1"),
        (PAIR, -1, "`worker_index` is -1"),
        ("one:7001", 0, "`workers` has 1 address(es), but it must have from 2"),
        ("one:7001,one:7001", 0, "`workers` has the same address twice"),
        ("one:7001,two", 0, "`workers` has the address 'two'"),
        ("one:7001,:7002", 0, "`workers` has the address ':7002'"),
        ("one:7001,two:70000", 0, "`workers` has the address 'two:70000'"),
        ("one:7001,,two:7002", 0, "`workers` has the address ''"),
        ("slurm", 0, "`worker_index` has no effect"),
    ],
)
def test_wrong_addresses_are_refused(workers, index, message):
    with pytest.raises(SettingError, match=re.escape(message)):
        options(workers, index)


def test_a_timeout_is_in_range():
    with pytest.raises(SettingError, match="`worker_timeout` is 0 seconds"):
        Cluster(("one:1", "two:2"), 0, timeout=0)


def test_each_worker_has_a_shard():
    check_shards(2, TrainingConfig(batch_size=16, num_shards=2))
    for config in (TrainingConfig(batch_size=16, num_shards=1), TrainingConfig(batch_size=1, num_shards=2)):
        with pytest.raises(SettingError, match="can be shared by at most 1"):
            check_shards(2, config)


@pytest.mark.tensorflow
def test_tf_config_names_the_chief_and_the_workers(monkeypatch):
    cluster = {"chief": ["a:1"], "worker": ["b:2", "c:3"]}
    for task, index in (("chief", 0), 0), (("worker", 0), 1), (("worker", 1), 2):
        config = {"cluster": cluster, "task": {"type": task[0], "index": task[1]}}
        monkeypatch.setenv("TF_CONFIG", json.dumps(config))
        assert options(None, None).cluster() == Cluster(("a:1", "b:2", "c:3"), index)
    for alone in ({}, {"cluster": {"worker": ["a:1"]}, "task": {"type": "worker", "index": 0}}):
        monkeypatch.setenv("TF_CONFIG", json.dumps(alone))
        assert options(None, None).cluster() is None


@pytest.mark.tensorflow
@pytest.mark.parametrize(
    ("config", "message"),
    [
        ("{", "TF_CONFIG does not name the workers"),
        (json.dumps({"cluster": {"worker": ["a:1", "b:2"]}}), "the task None None, which"),
        (
            json.dumps({"cluster": {"worker": ["a:1", "b:2"], "ps": ["c:3"]}, "task": {"type": "ps", "index": 0}}),
            "TF_CONFIG gives this process the task ps 0, which does not train",
        ),
    ],
)
def test_a_wrong_tf_config_is_an_error(monkeypatch, config, message):
    monkeypatch.setenv("TF_CONFIG", config)
    with pytest.raises(SettingError, match=message):
        options(None, None).cluster()


@pytest.mark.tensorflow
def test_the_tasks_of_slurm_are_the_workers(monkeypatch):
    with pytest.raises(SettingError, match="SLURM does not name the workers"):
        options("slurm", None).cluster()
    variables = {"PROCID": "2", "STEP_NUM_TASKS": "3", "STEP_NODELIST": "n[1-2]", "STEP_TASKS_PER_NODE": "2,1"}
    for name, value in variables.items():
        monkeypatch.setenv(f"SLURM_{name}", value)
    assert options("slurm", None).cluster() == Cluster(("n1:8888", "n1:8889", "n2:8888"), 2)
    assert options("slurm:9000", None).cluster().addresses[1] == "n1:9001"
    with pytest.raises(SettingError, match="SLURM does not name the workers"):
        options("slurm:port", None).cluster()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs Linux's socket filters")
@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_a_filtered_socket_answers_at_its_address_only(host):
    with socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True) as server:
        port = server.getsockname()[1]
        assert answer_only_at(host, port)
        for address in ("127.0.0.1", "127.0.0.2", "::1"):
            try:
                socket.create_connection((address, port), timeout=0.3).close()
                has_answer = True
            except TimeoutError:
                has_answer = False
            assert has_answer == (address == host)


def test_an_address_that_is_not_of_this_machine_is_not_filtered():
    with socket.create_server(("127.0.0.1", 0)) as server:
        assert not answer_only_at("192.0.2.1", server.getsockname()[1])  # of no machine: RFC 5737
        assert not answer_only_at("no.such.host.invalid", server.getsockname()[1])
