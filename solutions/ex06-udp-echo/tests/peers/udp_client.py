import socket
import sys

server = (sys.argv[1], int(sys.argv[2]))
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
    s.settimeout(3)
    for message in sys.argv[3:]:
        s.sendto(message.encode(), server)
        data, peer = s.recvfrom(2048)
        print('Received:', data.decode(), 'from the server' if peer == server else 'from a stranger')
