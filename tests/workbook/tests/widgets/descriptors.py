# Makes sockets, forks and threads, one step after the other, and prints after each what the kernel shows: for every process its descriptors
# and, for every socket, its name. The test `descriptors.rs` makes the widget's table of it.
import json
import os
import signal
import socket
import sys
import threading

seen = {}       # the kernel's number of a socket → the letter that it is shown with
addresses = {}  # letter → family, type, local, remote, listening
ports = {}      # real port → port that is shown


def shown_port(port):
    names = {0: '-'}
    names.update(ports)
    return names.get(port, str(port))


def table(pid):
    entries = {}
    for fd in sorted(os.listdir('/proc/%d/fd' % pid), key=int):
        try:
            target = os.readlink('/proc/%d/fd/%s' % (pid, fd))
        except FileNotFoundError:
            continue
        if target.startswith('socket:['):
            entries[int(fd)] = seen.setdefault(target, chr(ord('A') + len(seen)))
    return entries


def look(sock):
    """What getsockname and friends say about a socket that this process has."""
    letter = seen[os.readlink('/proc/self/fd/%d' % sock.fileno())]
    try:
        remote = '127.0.0.1:%s' % shown_port(sock.getpeername()[1])
    except OSError:
        remote = '-'
    host, port = sock.getsockname()
    local = '-' if port == 0 else '%s:%s' % (host, shown_port(port))
    listens = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
    addresses[letter] = ['AF_INET', 'SOCK_STREAM', local, remote, 'listening' if listens else 'connected' if remote != '-' else 'new']


def step(say, processes, sockets, gone=()):
    tables = {name: table(pid) for name, pid in processes.items()}
    for sock in sockets:
        look(sock)
    alive = {letter for entries in tables.values() for letter in entries.values()}
    kernel = {letter: addresses[letter] for letter in sorted(alive)}
    print(json.dumps({'say': say, 'processes': tables, 'sockets': kernel}), flush=True)


def opened(processes):
    """The four calls, one step each; the client is a socket of another process (see below), so that it is in no table here."""
    step('The server has just started: 0, 1 and 2 are input, output and errors. It has no socket.', processes, [])
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    step('socket: a new descriptor, the lowest free number, and a new socket without addresses.', processes, [listener])
    listener.bind(('127.0.0.1', 0))
    ports[listener.getsockname()[1]] = '5000'
    step('bind: the socket gets its local address.', processes, [listener])
    listener.listen(5)
    step('listen: the socket becomes a listening one, with a queue.', processes, [listener])
    return listener


def called(address):
    """A client in a process of its own. It sends its port and waits until it is killed."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        client = socket.create_connection(address)
        os.write(writer, b'%d' % client.getsockname()[1])
        signal.pause()
    port = int(os.read(reader, 10))
    os.close(reader)
    os.close(writer)
    ports[port] = str(40000 + len(ports) - 1)
    return pid


def server(name):
    processes = {name: os.getpid()}
    listener = opened(processes)
    clients = [called(listener.getsockname())]
    step('A client connects. The kernel does that by itself; the table here has nothing new.', processes, [listener])
    connection, _ = listener.accept()
    step('accept: a second descriptor, for a second socket, which is connected. The listening one is as it was.', processes, [listener, connection])
    return processes, listener, connection, clients


def iterative():
    processes, listener, connection, clients = server('server')
    connection.close()
    step('close: descriptor 4 is free, and the client reads the end of the stream.', processes, [listener])
    clients.append(called(listener.getsockname()))
    connection, _ = listener.accept()
    step('The next client gets a new socket, and the number 4 again.', processes, [listener, connection])
    return clients


def forked():
    processes, listener, connection, clients = server('parent')
    child = os.fork()
    if child == 0:
        os.kill(os.getpid(), signal.SIGSTOP)
        listener.close()
        os.kill(os.getpid(), signal.SIGSTOP)
        os._exit(0)
    os.waitpid(child, os.WUNTRACED)
    processes['child'] = child
    step('fork: the child has a copy of the table. There is no new socket; each of the two has two owners now.', processes, [listener, connection])
    connection.close()
    step('The parent closes 4: the child talks to this client. The client notices nothing, for the socket has another owner.', processes, [listener])
    os.kill(child, signal.SIGCONT)
    os.waitpid(child, os.WUNTRACED)
    step('The child closes 3: it is not going to accept anybody.', processes, [listener])
    os.kill(child, signal.SIGCONT)
    os.waitpid(child, 0)
    del processes['child']
    step('The child ends, and with it its table. Nobody owns the connection any more: the client reads the end of the stream.', processes, [listener])
    return clients


def threaded():
    processes, listener, connection, clients = server('server')
    go, done = threading.Event(), threading.Event()

    def thread():
        go.wait()
        connection.close()
        done.set()

    threading.Thread(target=thread).start()
    step('A thread begins. It has no table of its own: both threads use this one.', processes, [listener, connection])
    go.set()
    done.wait()
    step('The thread closes 4. It is closed for all threads; nobody else needs to close it, and nobody may.', processes, [listener])
    return clients


os.closerange(3, 256)  # whatever this process was started with
clients = {'iterative': iterative, 'forked': forked, 'threaded': threaded}[sys.argv[1]]()
for client in clients:
    os.kill(client, signal.SIGKILL)
    os.waitpid(client, 0)
