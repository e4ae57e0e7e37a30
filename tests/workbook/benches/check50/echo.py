"""The 13 checks of ex02 as a check50 problem, for a comparison of what they cost.

Written as light as check50 allows: plain processes and sockets, no pexpect. What needs a tracer (short and interrupted calls, the order of
the client's calls) is done by what a peer can do: small pieces, a stopped program, a late reply.
"""

import os
import random
import signal
import socket
import struct
import subprocess
import threading

import check50

HERE = os.path.dirname(os.path.abspath(__file__))
PROGRAM = "./ex02"
# Every word is different.
WORDS = b"".join(b"%07d " % word for word in range(1024))


class Server:
    """A server under test, killed at the end."""

    def __init__(self, *args):
        self.process = subprocess.Popen([PROGRAM, "server", *args], stdout=subprocess.PIPE, text=True)
        first = self.line()
        self.address = ("127.0.0.1", int(first.rsplit(":", 1)[1]))

    def line(self):
        return self.process.stdout.readline().rstrip("\n")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()

    def connect(self):
        return socket.create_connection(self.address, timeout=3)


def expect(expected, actual):
    if expected != actual:
        raise check50.Mismatch(repr(expected), repr(actual))


def read_to_end(peer):
    pieces = []
    while piece := peer.recv(65536):
        pieces.append(piece)
    return b"".join(pieces)


def read_exactly(peer, length):
    data = b""
    while len(data) < length and (piece := peer.recv(length - len(data))):
        data += piece
    return data


def probe(request):
    done = subprocess.run([PROGRAM, "probe"], input=request + "\n", capture_output=True, text=True, timeout=3)
    return done.stdout.rstrip("\n")


def client(port, *args, **kwargs):
    return subprocess.Popen(
        [PROGRAM, "client", "127.0.0.1", str(port), *args], stdout=subprocess.PIPE, **kwargs
    )


def listen():
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(3)
    return listener, listener.getsockname()[1]


@check50.check()
def compiles():
    """it compiles"""
    check50.include("main.rs", "compile.sh")
    if subprocess.run(["sh", "compile.sh"]).returncode != 0:
        raise check50.Failure("it does not compile")


@check50.check(compiles)
def hello_world_transcript():
    """Hello, world comes back"""
    with Server("--count", "1") as server:
        one = client(server.address[1], "--message", "Hello, world")
        expect(b"Received: Hello, world\n", one.communicate(timeout=3)[0])
        expect("client 1: 12 bytes", server.line())
        expect(0, server.process.wait(3))


@check50.check(compiles)
def lecture_mode():
    """lecture mode echoes one message without a newline"""
    with Server("--mode", "lecture") as server, server.connect() as peer:
        peer.sendall(b"Hello, world")
        expect(b"Hello, world", read_to_end(peer))
        expect("client 1: 12 bytes", server.line())


@check50.check(compiles)
def stream_mode():
    """stream mode echoes until the half-close"""
    with Server("--mode", "stream") as server, server.connect() as peer:
        for piece in (b"one", b"two, ", b"three\n"):
            peer.sendall(piece)
            expect(piece, read_exactly(peer, len(piece)))
        peer.shutdown(socket.SHUT_WR)
        expect(b"", read_to_end(peer))
        expect("client 1: 14 bytes", server.line())


@check50.check(compiles)
def send_all_survives_short_writes():
    """send_all survives short writes"""
    for request, expected in (
        ("send_all - 30313233", "ok, wrote 30313233"),
        ("send_all 1,2,3 30313233343536373839", "ok, wrote 30313233343536373839"),
        ("send_all 1,1,1,1 30313233", "ok, wrote 30313233"),
        ("send_all -", "ok, wrote "),
        ("send_all 2,0 30313233", "WriteZero"),
        ("send_all 1,reset 30313233", "ConnectionReset"),
    ):
        answer = probe(request)
        if answer != expected and not answer.startswith(expected + " ("):
            raise check50.Mismatch(expected, answer)


@check50.check(compiles)
def only_the_bytes_received():
    """echoes only the bytes received"""
    expect("3, wrote 616263", probe("echo_once 1024 - 616263"))


@check50.check(compiles)
def second_client():
    """a second client is served after the first"""
    with Server("--count", "2") as server, server.connect() as first, server.connect() as second:
        second.sendall(b"second\n")
        second.shutdown(socket.SHUT_WR)
        first.sendall(b"first\n")
        first.shutdown(socket.SHUT_WR)
        expect(b"first\n", read_to_end(first))
        expect(b"second\n", read_to_end(second))
        expect("client 1: 6 bytes", server.line())
        expect("client 2: 7 bytes", server.line())
        expect(0, server.process.wait(3))


def words_through_a_server(disturb):
    with Server() as server, server.connect() as peer:
        for at in range(0, len(WORDS), 1024):
            disturb(server.process)
            peer.sendall(WORDS[at : at + 1024])
            expect(WORDS[at : at + 1024], read_exactly(peer, 1024))
        peer.shutdown(socket.SHUT_WR)
        expect(b"", read_to_end(peer))


def words_through_a_client(disturb):
    listener, port = listen()
    one = client(port, "--raw", stdin=subprocess.PIPE)
    one.stdin.write(WORDS)
    one.stdin.close()
    peer = listener.accept()[0]
    disturb(one)
    expect(WORDS, read_to_end(peer))
    peer.sendall(WORDS)
    peer.close()
    expect(WORDS, one.stdout.read())
    expect(0, one.wait(3))


def stop_and_go(process):
    process.send_signal(signal.SIGSTOP)
    process.send_signal(signal.SIGCONT)


@check50.check(compiles)
def short_reads_and_writes():
    """short reads and writes change nothing"""
    words_through_a_server(lambda _: None)
    words_through_a_client(lambda _: None)


@check50.check(compiles)
def interrupted_calls():
    """interrupted calls are retried"""
    words_through_a_server(stop_and_go)
    words_through_a_client(stop_and_go)


@check50.check(compiles)
def one_mebibyte():
    """one mebibyte of random bytes comes back"""
    data = random.Random(4564).randbytes(1 << 20)
    with Server("--mode", "stream") as server, server.connect() as peer:

        def send():
            peer.sendall(data)
            peer.shutdown(socket.SHUT_WR)

        sender = threading.Thread(target=send)
        sender.start()
        echo = read_to_end(peer)
        sender.join()
        expect(True, echo == data)
        expect("client 1: 1048576 bytes", server.line())


def scripted_server(pieces):
    listener, port = listen()
    one = client(port, "--message", "hello")
    peer = listener.accept()[0]
    expect(b"hello", read_to_end(peer))
    for piece in pieces:
        peer.sendall(piece)
    peer.close()
    printed = one.stdout.read()
    expect(0, one.wait(3))
    return printed


@check50.check(compiles)
def reply_in_pieces():
    """the client reads a reply that comes in pieces"""
    beginning = b"a reply that is longer than the question "
    rest = b"and than a buffer " * 100
    pieces = [bytes([byte]) for byte in beginning] + [rest]
    expect(b"Received: " + beginning + rest + b"\n", scripted_server(pieces))


@check50.check(compiles)
def client_half_closes():
    """the client half-closes and waits for the end"""
    expect(b"Received: hello\n", scripted_server([b"hello"]))


@check50.check(compiles)
def connect_and_leave():
    """connect and leave is no error"""
    with Server("--mode", "stream") as server:
        server.connect().close()
        expect("client 1: 0 bytes", server.line())
        torn = server.connect()
        torn.sendall(b"unfinished\n")
        torn.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        torn.close()
        with server.connect() as peer:
            peer.sendall(b"still there?\n")
            peer.shutdown(socket.SHUT_WR)
            expect(b"still there?\n", read_to_end(peer))
        expect(None, server.process.poll())


@check50.check(compiles)
def interoperates():
    """both programs work with plain sockets, and with each other"""
    for mode in ("lecture", "stream"):
        with Server("--mode", mode) as server, server.connect() as peer:
            peer.sendall(b"Hello, world")
            peer.shutdown(socket.SHUT_WR)
            expect(b"Hello, world", read_to_end(peer))
    expect(b"Received: Hello, world\n", scripted_server([b"Hello, world"]))
    with Server("--mode", "lecture") as server:
        one = client(server.address[1], "--message", "Hello, world")
        expect(b"Received: Hello, world\n", one.communicate(timeout=3)[0])
