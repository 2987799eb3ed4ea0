"""`throttling_sts.py FILE`: an STS that counts how many AssumeRole are under way, answers in 20 ms, and may ask to slow down.

A line on standard input changes it: `ends SECONDS` how long what it issues lasts, `slow N` one in N requests is refused with Throttling.
Each refusal and the most that were under way at once are in FILE, as JSON, whenever it is asked with `tell`.
"""

import asyncio
import datetime
import json
import pathlib
import sys

TAKES = 0.02
ANSWER = """<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><Credentials>
<AccessKeyId>ASIABENCH{number:011d}</AccessKeyId><SecretAccessKey>bench</SecretAccessKey><SessionToken>bench</SessionToken>
<Expiration>{end}</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>"""
THROTTLED = """<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type><Code>Throttling</Code>
<Message>Rate exceeded</Message></Error></ErrorResponse>"""


class Sts:
    lasts, one_in = 3600, 0
    asked = refused = under_way = most = 0

    async def serve(self, reader, writer):
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                fields = dict(line.split(b":", 1) for line in head.lower().split(b"\r\n")[1:] if b":" in line)
                await reader.readexactly(int(fields.get(b"content-length", b"0")))
                self.asked += 1
                self.under_way += 1
                self.most = max(self.most, self.under_way)
                throttled = self.one_in and self.asked % self.one_in == 0
                self.refused += bool(throttled)
                number = self.asked
                await asyncio.sleep(TAKES)
                self.under_way -= 1
                now = datetime.datetime.now(datetime.timezone.utc)
                end = (now + datetime.timedelta(seconds=self.lasts)).strftime("%Y-%m-%dT%H:%M:%SZ")
                body = (THROTTLED if throttled else ANSWER.format(number=number, end=end)).encode()
                status = b"400 Bad Request" if throttled else b"200 OK"
                date = now.strftime("%a, %d %b %Y %H:%M:%S GMT").encode()
                writer.write(b"HTTP/1.1 %s\r\ncontent-type: text/xml\r\ndate: %s\r\ncontent-length: %d\r\n\r\n%s" % (status, date, len(body), body))
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    def told(self, line, path):
        what, _, value = line.strip().partition(" ")
        if what == "ends":
            self.lasts = int(value)
        elif what == "slow":
            self.one_in = int(value)
        elif what == "tell":
            path.write_text(json.dumps({"asked": self.asked, "refused": self.refused, "most": self.most}) + "\n")
        print("done", flush=True)


async def main():
    sts, path = Sts(), pathlib.Path(sys.argv[1])
    server = await asyncio.start_server(sts.serve, "127.0.0.1", 0)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        sts.told(line, path)


asyncio.run(main())
