"""A stand-in for Google Cloud Storage: buckets in memory, behind as much of its JSON API as is used here.

Its clients are pointed at it by the variables of `FakeStorage.environment`.
"""

import base64
import dataclasses
import hashlib
import itertools
import json
import re
import struct
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit

from tensorboardX.crc32c import crc32c

_OBJECTS = re.compile(r"(?:/download|/upload)?/storage/v1/b/([^/]+)/o(?:/([^/]+))?(?:/(.+))?")
_BUCKET = re.compile(r"/storage/v1/b/([^/]+)")
_RANGE = re.compile(r"bytes=(-?\d+)-?(\d*)")
_CONTENT_RANGE = re.compile(r"bytes (?:\*|(\d+)-\d+)/(\d+|\*)")
_PAGE = 3  # objects a page, so that even small folders have several


@dataclasses.dataclass(frozen=True)
class Stored:
    """An object of a bucket; whatever is written gets a generation of its own."""

    content: bytes
    generation: int

    def resource(self, bucket, name):
        return {
            "kind": "storage#object",
            "bucket": bucket,
            "name": name,
            "id": f"{bucket}/{name}/{self.generation}",
            "size": str(len(self.content)),
            "generation": str(self.generation),
            "metageneration": "1",
            "contentType": "application/octet-stream",
            "timeCreated": "2026-01-01T00:00:00.000Z",
            "updated": "2026-01-01T00:00:00.000Z",
            "md5Hash": base64.b64encode(hashlib.md5(self.content).digest()).decode(),
            "crc32c": base64.b64encode(struct.pack(">I", crc32c(self.content))).decode(),
        }


class FakeStorage:
    """A server of buckets in a thread; a context manager.

    Attributes:
        buckets: the objects of each bucket, by name.
        requests: the method and the object's name of each request so far, that of a bucket being "".
        refuse: is asked before each request, with its method and the object's name, for the HTTP status that
            it is refused with; 0 lets it pass.
    """

    def __init__(self, *buckets):
        self.buckets = {name: {} for name in buckets}
        self.requests = []
        self.refuse = lambda method, name: 0
        self.lock = threading.RLock()
        self.uploads = {}
        self.numbers = itertools.count(1)
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.storage = self
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=[0.05], daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def environment(self):
        """The variables by which clients find it."""
        return {
            "STORAGE_EMULATOR_HOST": self.url,
            "TENSORSTORE_GCS_HTTP_URL": self.url,
            "GOOGLE_AUTH_TOKEN_FOR_TESTING": "none",
            "NO_GCE_CHECK": "true",
        }

    def put(self, bucket, name, content):
        with self.lock:
            stored = self.buckets[bucket][name] = Stored(bytes(content), next(self.numbers))
        return stored

    def download(self, bucket, prefix, folder):
        """Writes the objects below a prefix to a folder, as if the bucket were one."""
        for name, stored in self.buckets[bucket].items():
            if name.startswith(prefix) and not name.endswith("/"):
                path = folder / name.removeprefix(prefix)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(stored.content)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 100

    def handle_error(self, request, client_address):
        if not isinstance(
            sys.exc_info()[1], ConnectionError
        ):  # a client may think better of it, or be killed
            super().handle_error(request, client_address)


class _RefusedError(Exception):
    def __init__(self, status):
        super().__init__(status)
        self.status = status


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *_):
        pass

    def do_GET(self):
        self._answer()

    do_POST = do_PUT = do_DELETE = do_PATCH = do_GET  # noqa: N815

    @property
    def storage(self):
        return self.server.storage

    def _answer(self):
        self.content = self._read_body()
        url = urlsplit(self.path)
        self.query = {name: values[-1] for name, values in parse_qs(url.query).items()}
        try:
            with self.storage.lock:
                self._route(url.path)
        except _RefusedError as error:
            self._send_json(
                {"error": {"code": error.status, "message": f"told so {error.status}"}}, error.status
            )

    def _read_body(self):
        if "chunked" not in self.headers.get("Transfer-Encoding", ""):
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        parts = []
        while size := int(self.rfile.readline(), 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def _route(self, path):
        if found := _BUCKET.fullmatch(path):
            self._pass(found[1], "")
            self._send_json({"kind": "storage#bucket", "name": found[1], "id": found[1]})
        elif (found := _OBJECTS.fullmatch(path)) is None:
            raise _RefusedError(501)
        elif found[3] is not None:
            self._move_or_copy(*map(unquote, found.groups()))
        elif found[2] is not None:
            self._object(found[1], unquote(found[2]))
        elif self.command == "GET":
            self._list(found[1])
        else:
            self._upload(found[1])

    def _pass(self, bucket, name):
        self.storage.requests.append((self.command, name))
        status = self.storage.refuse(self.command, name)
        if status:
            raise _RefusedError(status)
        if bucket not in self.storage.buckets:
            raise _RefusedError(404)
        return self.storage.buckets[bucket]

    def _object(self, bucket, name):
        objects = self._pass(bucket, name)
        stored = objects.get(name)
        self._check_conditions(stored)
        if stored is None:
            raise _RefusedError(404)
        if self.command == "DELETE":
            del objects[name]
            self._send(204, b"")
        elif self.command == "GET" and self.query.get("alt") == "media":
            self._send_content(stored)
        elif self.command == "GET":
            self._send_json(stored.resource(bucket, name))
        else:
            raise _RefusedError(501)

    def _check_conditions(self, stored):
        generation = stored.generation if stored is not None else 0
        if int(self.query.get("ifGenerationMatch", generation)) != generation:
            raise _RefusedError(412)
        if self.query.get("ifGenerationNotMatch") == str(generation):
            raise _RefusedError(304 if self.command == "GET" else 412)
        if int(self.query.get("generation", generation)) != generation:
            raise _RefusedError(404)

    def _send_content(self, stored):
        headers = {
            "Content-Type": "application/octet-stream",
            "X-Goog-Generation": str(stored.generation),
            "X-Goog-Stored-Content-Length": str(len(stored.content)),
        }
        found = _RANGE.fullmatch(self.headers.get("Range", ""))
        if found is None:
            self._send(200, stored.content, headers)
            return
        size = len(stored.content)
        start = int(found[1]) if int(found[1]) >= 0 else max(size + int(found[1]), 0)
        end = min(int(found[2] or size - 1), size - 1)
        if start > end:
            raise _RefusedError(416)
        headers["Content-Range"] = f"bytes {start}-{end}/{size}"
        self._send(206, stored.content[start : end + 1], headers)

    def _list(self, bucket):
        objects = self._pass(bucket, self.query.get("prefix", ""))
        prefix, delimiter = self.query.get("prefix", ""), self.query.get("delimiter", "")
        first = max(self.query.get("pageToken", ""), self.query.get("startOffset", ""))
        last = self.query.get("endOffset", "")
        entries = {}
        for name in objects:
            if name.startswith(prefix):
                rest = name.removeprefix(prefix)
                is_below = bool(delimiter) and delimiter in rest
                entry = prefix + rest.partition(delimiter)[0] + delimiter if is_below else name
                if entry >= first and (not last or entry < last):
                    entries[entry] = is_below
        in_order = sorted(entries)
        size = min(_PAGE, int(self.query.get("maxResults", _PAGE)))
        page = in_order[:size]
        answer = {
            "kind": "storage#objects",
            "items": [objects[name].resource(bucket, name) for name in page if not entries[name]],
            "prefixes": [name for name in page if entries[name]],
        }
        if len(in_order) > size:
            answer["nextPageToken"] = in_order[size]
        self._send_json(answer)

    def _upload(self, bucket):
        kind = self.query.get("uploadType")
        if "upload_id" in self.query:
            self._go_on_uploading(bucket)
        elif kind == "media":
            self._store(bucket, self.query["name"], self.content)
        elif kind == "multipart":
            boundary = re.search(r'boundary="?([^";]+)', self.headers["Content-Type"])[1].encode()
            _, described, content = self.content.split(b"--" + boundary)[:3]
            described, content = (
                re.split(rb"\r?\n\r?\n", part, maxsplit=1)[1] for part in (described, content)
            )
            self._store(bucket, json.loads(described)["name"], re.sub(rb"\r?\n\Z", b"", content))
        elif kind == "resumable":
            name = self.query.get("name") or json.loads(self.content)["name"]
            self._check_conditions(self._pass(bucket, name).get(name))
            upload = str(next(self.storage.numbers))
            self.storage.uploads[upload] = (name, b"")
            path = f"/upload/storage/v1/b/{bucket}/o?uploadType=resumable&upload_id={upload}"
            self._send(200, b"", {"Location": self.storage.url + path})
        else:
            raise _RefusedError(501)

    def _go_on_uploading(self, bucket):
        name, content = self.storage.uploads[self.query["upload_id"]]
        if self.command == "DELETE":
            del self.storage.uploads[self.query["upload_id"]]
            self._send(499, b"")
            return
        start, size = _CONTENT_RANGE.fullmatch(self.headers["Content-Range"]).groups()
        assert start is None or int(start) == len(content)
        content += self.content
        self.storage.uploads[self.query["upload_id"]] = (name, content)
        if size == "*" or int(size) > len(content):
            self._send(308, b"", {"Range": f"bytes=0-{len(content) - 1}"} if content else {})
        else:
            self._store(bucket, name, content)

    def _store(self, bucket, name, content):
        self._check_conditions(self._pass(bucket, name).get(name))
        self._send_json(self.storage.put(bucket, name, content).resource(bucket, name))

    def _move_or_copy(self, bucket, name, rest):
        moved, copied = (
            re.fullmatch(r"moveTo/o/(.+)", rest),
            re.fullmatch(r"rewriteTo/b/([^/]+)/o/(.+)", rest),
        )
        other, new = (bucket, moved[1]) if moved else copied.groups() if copied else (None, None)
        if new is None:
            raise _RefusedError(501)
        stored = self._pass(bucket, name).get(name)
        self._check_conditions(self._pass(other, new).get(new))
        if stored is None:
            raise _RefusedError(404)
        resource = self.storage.put(other, new, stored.content).resource(other, new)
        if moved:
            del self.storage.buckets[bucket][name]
            self._send_json(resource)
        else:
            self._send_json({"kind": "storage#rewriteResponse", "done": True, "resource": resource})

    def _send_json(self, value, status=200):
        self._send(status, json.dumps(value).encode(), {"Content-Type": "application/json; charset=UTF-8"})

    def _send(self, status, content, headers=None):
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        if status not in (204, 304):
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if status not in (204, 304):
            self.wfile.write(content)
