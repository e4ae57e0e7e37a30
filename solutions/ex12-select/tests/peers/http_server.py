# Python's own HTTP server, on a port that the kernel chooses. It answers every GET with one line, and closes.
# (TCPServer, because HTTPServer asks the name service for this machine's name, and there may be none.)
from http.server import BaseHTTPRequestHandler
from socketserver import TCPServer

BODY = b"hello from python\n"


class Hello(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", str(len(BODY)))
        self.end_headers()
        self.wfile.write(BODY)

    def log_message(self, *_):
        pass


server = TCPServer(("127.0.0.1", 0), Hello)
print(f"listening on 127.0.0.1:{server.server_address[1]}", flush=True)
server.serve_forever()
