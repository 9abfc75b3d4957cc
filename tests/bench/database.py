# SPDX-License-Identifier: Apache-2.0
"""A client of ovsdb-server that writes many rows at once and knows to the microsecond when they are in force."""

import json
import socket
import time

from lab.process import LabError

PIECE = 1 << 16


class Database:
    """A connection to ovsdb-server's socket that watches cur_cfg of the database NAME, in the only row of the table
    of the same name."""

    def __init__(self, path, name="Sluice", timeout=120):
        self._name = name
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(timeout)
        self._socket.connect(str(path))
        self._text = ""
        self._serial = 0
        self._cur_cfg = 0
        self._note(self._call("monitor", [name, None, {name: {"columns": ["cur_cfg"]}}]))

    def close(self):
        self._socket.close()

    def transact(self, *operations):
        """The results of a transaction; raises LabError when one of them is an error."""
        results = self._call("transact", [self._name, *operations])
        for result in results:
            if result and "error" in result:
                raise LabError(f"transaction: {result['error']}: {result.get('details', '')}")
        return results

    def apply(self, *operations):
        """A transaction, and seconds until it was committed and from then until all of it was in force."""
        counted = [{"op": "mutate", "table": self._name, "where": [], "mutations": [["next_cfg", "+=", 1]]},
                   {"op": "select", "table": self._name, "where": [], "columns": ["next_cfg"]}]
        start = time.perf_counter()
        results = self.transact(*operations, *counted)
        committed = time.perf_counter()
        wanted = results[-1]["rows"][0]["next_cfg"]
        while self._cur_cfg < wanted:
            self._take(self._receive())
        return results, committed - start, time.perf_counter() - committed

    def _call(self, method, parameters):
        self._serial += 1
        request = {"method": method, "params": parameters, "id": self._serial}
        self._socket.sendall(json.dumps(request).encode())
        while (message := self._receive()).get("id") != self._serial or "method" in message:
            self._take(message)
        if message.get("error"):
            raise LabError(f"{method}: {message['error']}")
        return message["result"]

    def _take(self, message):
        if message.get("method") == "echo":
            self._socket.sendall(json.dumps({"result": message["params"], "error": None, "id": message["id"]}).encode())
        elif message.get("method") == "update":
            self._note(message["params"][1])

    def _note(self, tables):
        for row in tables.get(self._name, {}).values():
            self._cur_cfg = row["new"]["cur_cfg"]

    def _receive(self):
        while True:
            # Large answers come in many pieces: only what may be the end of one is worth a try.
            if self._text.endswith("}"):
                try:
                    message, end = json.JSONDecoder().raw_decode(self._text)
                    self._text = self._text[end:].lstrip()
                    return message
                except ValueError:
                    pass  # not whole yet
            piece = self._socket.recv(PIECE)
            if not piece:
                raise LabError("ovsdb-server has closed the connection")
            self._text += piece.decode()
