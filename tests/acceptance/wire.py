"""What passes between Stagedoor and an account: a proxy on loopback that records every call, and stops or cuts one where a test wants it.

A request is forwarded as it is, signature and all.
"""

import re
import threading
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

READS = ("Get", "List", "Simulate", "Lookup", "Decode", "Describe", "Assume", "Validate", "Generate", "Head")
# What a rule's `do` returns where the caller shall get no answer.
CUT = object()


class Call:
    def __init__(self, number, headers, path, body):
        scope = re.search(r"Credential=([^/]+)/[^/]+/[^/]+/([^/]+)/", headers.get("Authorization", ""))
        self.number = number
        self.key_id, self.of = (scope[1], scope[2]) if scope else (None, None)
        self.parameters = {name: values[0] for name, values in parse_qs(body.decode(errors="replace"), keep_blank_values=True).items()}
        self.action = headers.get("X-Amz-Target", "").rpartition(".")[2] or self.parameters.get("Action", path)
        self.status, self.answer = None, ""

    @property
    def writes(self):
        return not self.action.startswith(READS)

    def told(self, field):
        """What stands in the answer's field of that name."""
        found = re.search(f"<{field}>([^<]*)</{field}>", self.answer)
        return found and found[1]

    def __repr__(self):
        return f"{self.number} {self.of}.{self.action} {self.status}"


class Wire:
    """In front of `endpoint`. A rule is asked for every call until one fits it, and never again after that."""

    def __init__(self, endpoint):
        wire = self
        self.calls, self._rules, self._lock = [], [], threading.Lock()
        behind = urlsplit(endpoint).netloc

        class Forward(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                with wire._lock:
                    call = Call(len(wire.calls) + 1, self.headers, self.path, body)
                    wire.calls.append(call)
                    rules = [rule for rule in wire._rules if rule[0](call)]
                    wire._rules = [rule for rule in wire._rules if rule not in rules]
                if any(before(call) is CUT for _, before, _ in rules if before):
                    return self.cut()
                connection = HTTPConnection(behind, timeout=60)
                connection.request(self.command, self.path, body, dict(self.headers))
                answer = connection.getresponse()
                content = answer.read()
                connection.close()
                call.answer, call.status = content.decode(errors="replace"), answer.status
                if any(after(call) is CUT for _, _, after in rules if after):
                    return self.cut()
                self.send_response(answer.status)
                for name, value in answer.getheaders():
                    if name.lower() not in ("content-length", "transfer-encoding", "connection", "date", "server"):
                        self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                try:
                    self.end_headers()
                    self.wfile.write(content)
                except OSError:
                    self.close_connection = True  # who asked is gone

            do_GET = do_POST

            def cut(self):
                self.close_connection = True

            def handle(self):
                try:
                    super().handle()
                except OSError:
                    pass  # who asked was killed

            def log_message(self, *_):
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 64

        self._server = Server(("127.0.0.1", 0), Forward)
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        self.endpoint = f"http://127.0.0.1:{self._server.server_port}"

    def on(self, fits, before=None, after=None):
        """Calls `before` or `after` with the first call that fits: before it is passed on, or before its answer is."""
        with self._lock:
            self._rules.append((fits, before, after))

    def since(self, number):
        """The calls after the first `number`, each with its answer."""
        with self._lock:
            return self.calls[number:]

    @property
    def count(self):
        with self._lock:
            return len(self.calls)

    def writing(self, since=0):
        return [call for call in self.since(since) if call.writes]

    def first(self, action):
        return next(call for call in self.since(0) if call.action == action and call.status == 200)

    def close(self):
        self._server.shutdown()
        self._server.server_close()
