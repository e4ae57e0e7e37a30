# The lecture's echo server in Python 3: for each client one recv, one send, close. Port 0, so that tests can run side by side.
import socket

SIZE = 1024

with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
    listener.bind(("127.0.0.1", 0))
    listener.listen(5)
    print("listening on %s:%d" % listener.getsockname(), flush=True)
    while True:
        client, address = listener.accept()
        data = client.recv(SIZE)
        if data:
            client.send(data)
        client.close()
