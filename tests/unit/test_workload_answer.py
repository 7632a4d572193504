"""The reader of HTTP answers, fed in every way bytes can come."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workloads.load.answer import Answer, ProtocolError

HEAD = b"HTTP/1.1 200 OK\r\nX-Pod: web-1\r\n"
WHOLE = [
    HEAD + b"Content-Length: 5\r\n\r\nhello",
    HEAD + b"content-length:0\r\n\r\n",
    HEAD + b"Transfer-Encoding: chunked\r\n\r\n5;x=y\r\nhello\r\nA\r\n0123456789\r\n0\r\n\r\n",
    HEAD + b"Transfer-Encoding: chunked\r\n\r\n0\r\nTrailer: x\r\n\r\n",
    b"HTTP/1.1 100 Continue\r\n\r\n" + HEAD + b"Content-Length: 2\r\n\r\nok",
]


@pytest.mark.parametrize("data", WHOLE)
@given(cuts=st.sets(st.integers(1, 120)))
def test_an_answer_is_whole_with_its_last_byte_only(data: bytes, cuts: set[int]) -> None:
    answer = Answer()
    at = 0
    for cut in [*sorted(cut for cut in cuts if cut < len(data)), len(data)]:
        assert not answer.whole
        answer.feed(data[at:cut])
        at = cut
    assert answer.whole
    assert (answer.status, answer.pod, answer.keep_alive) == (200, "web-1", True)


def test_without_a_length_the_end_completes_it() -> None:
    answer = Answer()
    answer.feed(HEAD + b"\r\nhello")
    assert not answer.whole
    answer.end()
    assert answer.whole


@pytest.mark.parametrize("data", WHOLE[:4])
def test_an_early_end_does_not_complete_it(data: bytes) -> None:
    answer = Answer()
    answer.feed(data[:-1])
    answer.end()
    assert not answer.whole


@pytest.mark.parametrize(("method", "status"), [("HEAD", 200), ("GET", 204), ("GET", 304)])
def test_answers_without_a_body(method: str, status: int) -> None:
    answer = Answer(method)
    answer.feed(b"HTTP/1.1 %d X\r\nContent-Length: 5\r\n\r\n" % status)
    assert answer.whole


@pytest.mark.parametrize(
    ("data", "keep_alive"),
    [
        (b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", False),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", False),
        (b"HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\nContent-Length: 0\r\n\r\n", True),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nmore", False),
    ],
)
def test_whether_the_connection_can_be_used_again(data: bytes, keep_alive: bool) -> None:
    answer = Answer()
    answer.feed(data)
    assert answer.whole
    assert answer.keep_alive is keep_alive


@pytest.mark.parametrize(
    "data",
    [
        b"\x00\x01\x02",
        b"SSH-2.0-x\r\n",
        b"HTTP/1.1 abc\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: five\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 70_000,
    ],
)
def test_what_is_no_answer(data: bytes) -> None:
    with pytest.raises(ProtocolError):
        Answer().feed(data)
