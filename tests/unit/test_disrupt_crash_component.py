"""A component's leader is killed: what is done, and what proves it, on made histories."""

from unittest.mock import Mock

import histories as made
import pytest

from harness.disrupt import CrashComponent, Site
from harness.errors import SurviveError
from harness.history import Recorder
from harness.records import Act, LeaseSeen

OLD, NEW = "kube-scheduler-0_1", "kube-scheduler-1_2"


def lease(t_s, who, transitions, renew_s):
    return LeaseSeen(made.at(t_s), "kube-scheduler", who, transitions, 15, made.at(renew_s), made.at(renew_s))


ACTS = [
    Act(made.at(t_s), "crash-component", "process/kube-scheduler-0", status, detail={"holder": OLD})
    for t_s, status in ((2, "begin"), (2.1, "done"))
]
SEEN = [lease(0, OLD, 3, 0), lease(1.9, OLD, 3, 1.9), lease(18, NEW, 4, 18)]


def missing(*records):
    return CrashComponent("kube-scheduler").proof(made.history(*records)).missing


def test_the_proof():
    assert missing(ACTS, SEEN) == []
    assert missing(SEEN) == ["a process of kube-scheduler was killed, and started again"]
    assert missing(ACTS, SEEN[:2]) == ["lease/kube-scheduler passed to nobody"]
    assert missing(ACTS, SEEN, lease(4, OLD, 3, 4)) == [f"{OLD} renewed nothing after that"]


@pytest.fixture
def site(tmp_path):
    recorder = Recorder(tmp_path / "h.jsonl.gz", "x")
    kube, nodes = Mock(), Mock()
    held = iter([OLD, OLD, NEW])
    kube.get.side_effect = lambda *_: {"spec": {"holderIdentity": next(held)}}
    yield Site(kube, "ns", recorder, nodes)
    recorder.close()


def test_the_process_is_known_by_the_leases_holder(site):
    CrashComponent("kube-scheduler").act(site)
    site.nodes.kill.assert_called_once_with("control-plane", "kube-scheduler-0")
    assert site.kube.get.call_args.args[-1] == "kube-system"
    assert [act.status for act in site.recorder.tail(Act)] == ["begin", "done"]


def test_a_holder_named_by_its_host_is_the_only_one_there(site):
    held = iter(["made-control-plane_1", "made-control-plane_1", "made-control-plane_2"])
    site.kube.get.side_effect = lambda *_: {"spec": {"holderIdentity": next(held)}}
    CrashComponent("kube-controller-manager").act(site)
    site.nodes.kill.assert_called_once_with("control-plane", "kube-controller-manager")


def test_without_a_holder_there_is_none_to_kill(site):
    site.kube.get.side_effect = lambda *_: {"spec": {"holderIdentity": ""}}
    with pytest.raises(SurviveError, match="held by nobody"):
        CrashComponent("kube-scheduler").act(site)
    site.nodes.kill.assert_not_called()


def test_without_a_control_plane_to_break_it_cannot_be_done(site):
    assert CrashComponent("x").needs(site) == ""
    assert "embedded" in CrashComponent("x").needs(Site(site.kube, "ns", site.recorder))
