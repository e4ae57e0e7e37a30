import socket

with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
    s.bind(('127.0.0.1', 0))
    print('listening on %s:%d/udp' % s.getsockname(), flush=True)
    while True:
        data, peer = s.recvfrom(2048)
        s.sendto(data, peer)
