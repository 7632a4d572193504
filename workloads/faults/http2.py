"""HTTP/2 as far as the fault server speaks it, by the library h2."""

import asyncio

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.exceptions

from .http1 import BODY, LENGTH_OF_TRUNCATED, POD, Line


class Http2:
    """Streams on one connection; a fault hits the stream whose request has just come to its end."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self._h2 = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False))
        self._h2.initiate_connection()
        self._flush()

    def feed(self, data: bytes) -> None:
        """Take bytes; answer each request that is whole."""
        try:
            events = self._h2.receive_data(data)
        except h2.exceptions.ProtocolError:
            self._flush()
            self._line.cut("fin")
            return
        for event in events:
            if isinstance(event, h2.events.DataReceived):
                self._h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            elif isinstance(event, h2.events.StreamEnded) and not self._line.transport.is_closing():
                self._answer(event.stream_id)
        self._flush()

    def _answer(self, stream: int) -> None:
        fault, stall_s = self._line.ask()
        if fault == "stall":
            asyncio.get_running_loop().call_later(stall_s, self._say, stream, "200")
        elif fault == "503":
            self._say(stream, "503")
        elif fault == "goaway":
            # This stream's request was not worked on: a client may send it again, and one that does hides the break.
            self._h2.close_connection(h2.errors.ErrorCodes.NO_ERROR, last_stream_id=max(stream - 2, 0))
            self._end()
        elif fault == "truncated":
            self._h2.send_headers(stream, self._head("200", LENGTH_OF_TRUNCATED))
            self._h2.send_data(stream, BODY)
            self._end()
        elif fault:
            self._line.cut(fault)
        else:
            self._say(stream, "200")

    def _say(self, stream: int, status: str) -> None:
        if self._line.transport.is_closing():
            return
        self._h2.send_headers(stream, self._head(status, len(BODY)))
        self._h2.send_data(stream, BODY, end_stream=True)
        self._flush()

    def _end(self) -> None:
        self._flush()
        self._line.cut("fin")

    def _flush(self) -> None:
        if not self._line.transport.is_closing():
            self._line.transport.write(self._h2.data_to_send())

    @staticmethod
    def _head(status: str, length: int) -> list[tuple[str, str]]:
        return [(":status", status), ("x-pod", POD), ("content-length", str(length))]
