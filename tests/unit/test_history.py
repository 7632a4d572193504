import gzip
import json
import threading
import types
import typing

import histories as made
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness import records
from harness.errors import HistoryError
from harness.history import History, Recorder, decode, encode, lines, read
from harness.records import KINDS, Log, Record, RequestBatch
from harness.requests import NONE_NS, Requests

TEXT = st.text(max_size=8)
PLAIN = st.none() | st.booleans() | st.integers(-(2**62), 2**62) | TEXT
BY_TYPE = {int: st.integers(-(2**62), 2**62), float: st.floats(allow_nan=False), str: TEXT, bool: st.booleans()}


def values(hint):
    """A strategy for values of a field's type."""
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if hint in BY_TYPE:
        return BY_TYPE[hint]
    if hint is typing.Any:
        return PLAIN
    if origin is list:
        return st.lists(values(inner[0]), max_size=3)
    if origin is dict:
        return st.dictionaries(TEXT, values(inner[1]), max_size=3)
    if origin is typing.Literal:
        return st.sampled_from(inner)
    if origin in (typing.Union, types.UnionType):
        return st.one_of([st.none() if part is type(None) else values(part) for part in inner])
    return built(hint)


def built(cls):
    """A strategy for instances of a record or of what it nests."""
    hints = {name: hint for name, hint in typing.get_type_hints(cls).items() if name != "kind"}
    return st.builds(cls, **{name: values(hint) for name, hint in hints.items()})


def log(n):
    return Log(made.at(n), "a", "app", f"line {n}")


@pytest.mark.parametrize("kind", sorted(KINDS))
@settings(max_examples=20, deadline=None)
@given(data=st.data())
def test_every_kind_survives_its_line(kind, data):
    record = data.draw(built(KINDS[kind]))
    line = encode(record, "s")
    assert "\n" not in line
    assert decode(line) == ("s", record)


def test_every_kind_of_record_is_known():
    public = [value for value in vars(records).values() if isinstance(value, type)]
    declared = {cls for cls in public if issubclass(cls, Record) and cls.kind}
    assert set(KINDS.values()) == declared
    assert all(kind == cls.kind for kind, cls in KINDS.items())


@pytest.mark.parametrize(
    "line", ["", "{}", "[]", "not json", '{"kind":"log","scenario":"s"}', '{"kind":"x","scenario":"s"}']
)
def test_a_strange_line_is_told(line):
    with pytest.raises(HistoryError, match="not a line of a history"):
        decode(line)


def test_an_unknown_field_is_told():
    values_ = json.loads(encode(log(1), "s")) | {"more": 1}
    with pytest.raises(HistoryError):
        decode(json.dumps(values_))


def test_recorder_and_reader(tmp_path):
    path = tmp_path / "deep" / "history.jsonl.gz"
    recorder = Recorder(path, "one")
    added = [log(2), log(1)]
    for record in added:
        recorder.add(record)
    recorder.close()
    recorder.close()
    assert recorder.history().records == sorted(added, key=lambda one: one.t_ns)
    assert read(path)["one"].records == recorder.history().records
    assert gzip.decompress(path.read_bytes()).count(b"\n") == 2
    with pytest.raises(HistoryError, match="closed"):
        recorder.add(log(3))


def test_flushed_is_on_disk_though_the_file_never_ends(tmp_path):
    path = tmp_path / "history.jsonl.gz"
    recorder = Recorder(path, "one")
    for n in range(100):
        recorder.add(log(n))
    recorder.flush()
    assert len(read(path)["one"].records) == 100
    recorder.add(log(100))
    assert len(read(path)["one"].records) == 100
    recorder.close()


def test_a_file_cut_at_any_byte_reads_as_a_beginning_of_it(tmp_path):
    path = tmp_path / "history.jsonl.gz"
    recorder = Recorder(path, "one")
    for n in range(50):
        recorder.add(log(n))
        recorder.flush()
    recorder.close()
    whole, cut = path.read_bytes(), tmp_path / "cut.gz"
    counts = []
    for size in range(0, len(whole) + 1, 7):
        cut.write_bytes(whole[:size])
        found = [decode(line)[1] for line in lines(cut)]
        assert found == [log(n) for n in range(len(found))]
        counts.append(len(found))
    assert counts == sorted(counts)
    assert counts[-1] >= 49


def test_joined_members_and_several_scenarios(tmp_path):
    for name in ("one", "two"):
        recorder = Recorder(tmp_path / name, name)
        recorder.add(log(1))
        recorder.close()
    again = Recorder(tmp_path / "two", "one")
    again.add(log(2))
    again.close()
    joined = tmp_path / "joined.gz"
    joined.write_bytes((tmp_path / "one").read_bytes() + (tmp_path / "two").read_bytes())
    found = read(joined)
    assert list(found) == ["one", "two"]
    assert found["one"].records == [log(1), log(2)]


def test_no_history(tmp_path):
    with pytest.raises(HistoryError, match="cannot read"):
        read(tmp_path / "none")
    (tmp_path / "text").write_text("plain text")
    with pytest.raises(HistoryError, match="cannot read"):
        read(tmp_path / "text")


def test_threads_share_a_recorder(tmp_path):
    path = tmp_path / "history.jsonl.gz"
    recorder = Recorder(path, "one")
    threads = [threading.Thread(target=lambda: [recorder.add(log(n)) for n in range(200)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    recorder.close()
    assert len(read(path)["one"].records) == 800


def test_a_batch_that_came_twice_counts_once():
    batches = [RequestBatch(made.at(n), "p", seq, [made.row(seq)]) for n, seq in enumerate([1, 0, 1])]
    found = History("s", [*batches, RequestBatch(0, "other", 0, [made.row(9)])]).requests("p")
    assert len(found) == 2
    assert found.scheduled_ns.tolist() == [made.at(0), made.at(1)]


def test_columns():
    found = made.requests([made.row(2, 3, lag_ms=1), made.row(1, 5, "refused"), made.row(3, 1, "unknown")])
    first, second = found[0], found[1]
    assert (first.scheduled_ns, first.sent_ns, first.end_ns) == (made.at(1), made.at(1), made.at(1) + 5 * made.MS)
    assert (first.first_byte_ns, first.outcome, first.phase, first.error, first.status) == (
        NONE_NS, "failed", "connect", "refused", 0,
    )  # fmt: skip
    assert second.sent_ns == made.at(2) + made.MS
    assert second.end_ns == second.first_byte_ns == made.at(2) + 4 * made.MS
    assert (second.outcome, second.pod, second.status) == ("ok", "a", 200)
    assert found.ok.tolist() == [False, True, False]
    assert found.failed.tolist() == [True, False, False]


def test_no_rows():
    found = Requests.from_batches("p", [])
    assert len(found) == 0
    assert found.ok.dtype == np.bool_


def test_of_is_in_order():
    history = made.history(made.pod(3), log(2), made.pod(1))
    assert [one.t_ns for one in history.of(type(made.pod(0)))] == [made.at(1), made.at(3)]
