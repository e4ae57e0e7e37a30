# The lecture's echo client in Python 3: one send, one recv, close. It never says that it has no more to send.
import socket
import sys

SIZE = 1024

with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as server:
    server.connect((sys.argv[1], int(sys.argv[2])))
    server.send(b"Hello, world")
    data = server.recv(SIZE)
print("Received:", data.decode())
