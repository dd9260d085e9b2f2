"""A program that has a fork do its work: see `forking`.

    python -IS stand_in.py SOCKET [OPTION…] -m MODULE [ARGUMENT…]

It starts in a few milliseconds, so it imports nothing but what is built in, or small.
"""

import _signal
import _socket
import marshal
import os
import sys
from array import array

_, place, *arguments = sys.argv
module = arguments.index("-m") + 1
argv = arguments[module:]
asked = _socket.socket(_socket.AF_UNIX, _socket.SOCK_SEQPACKET)
asked.connect(place)
request = marshal.dumps((argv[0], argv, os.getcwd(), dict(os.environ)))  # noqa: PTH109 - pathlib is not small
streams = array("i", (0, 1, 2))
asked.sendmsg([request], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, streams)])
pid = int(asked.recv(64))
handed_on = (_signal.SIGINT, _signal.SIGTERM)
for number in handed_on:
    _signal.signal(number, lambda number, _: os.kill(pid, number))
for stream in (0, 1, 2):
    os.close(stream)  # their ends are the fork's
code = int(asked.recv(64))
if code < 0:  # it died of a signal, and so does who stands in for it
    if -code in handed_on:
        _signal.signal(-code, _signal.SIG_DFL)
    os.kill(os.getpid(), -code)
os._exit(code)
