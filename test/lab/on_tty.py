"""on_tty.py STEP... -- COMMAND...: a person at a terminal. Steps, in order: expect:TEXT (within 60 s), send:TEXT (with escapes), size:ROWSxCOLUMNS,
until:ROWSxCOLUMNS (the size is set until `stty size` tells it: a client that just begins may miss the first signal). Then waits for the end. Prints all it said, and rc=CODE at last; what never came is said, and the command killed."""
import codecs
import fcntl
import os
import pty
import select
import signal
import struct
import sys
import termios
import time

split = sys.argv.index('--')
steps, command = sys.argv[1:split], sys.argv[split + 1:]
seen, since = b'', 0


def set_size(fd, text):
    rows, columns = (int(n) for n in text.split('x'))
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack('HHHH', rows, columns, 0, 0))


def read_more(fd, seconds):
    """False at the end of the terminal."""
    global seen
    if not select.select([fd], [], [], seconds)[0]:
        return True
    try:
        got = os.read(fd, 65536)
    except OSError:
        return False
    seen += got
    return bool(got)


def expect(fd, text, seconds=60):
    global since
    deadline = time.monotonic() + seconds
    while text not in seen[since:]:
        left = deadline - time.monotonic()
        if left <= 0 or not read_more(fd, left):
            return False
    since = seen.index(text, since) + len(text)
    return True


def follow(fd, size):
    for _ in range(30):
        set_size(fd, '5x5')
        set_size(fd, size)
        os.write(fd, b'stty size\n')
        if expect(fd, size.replace('x', ' ').encode(), 2):
            return True
    return False


first = steps.pop(0)[5:] if steps and steps[0].startswith('size:') else '24x80'
pid, master = pty.fork()
if pid == 0:
    set_size(0, first)
    os.execvp(command[0], command)
for step in steps:
    kind, _, value = step.partition(':')
    text = codecs.decode(value, 'unicode_escape').encode('latin-1')
    if kind == 'expect' and not expect(master, text):
        print(f'never came: {value}')
        os.kill(pid, signal.SIGKILL)
        break
    if kind == 'send':
        os.write(master, text)
    if kind == 'size':
        set_size(master, value)
    if kind == 'until' and not follow(master, value):
        print(f'never became: {value}')
        os.kill(pid, signal.SIGKILL)
        break
deadline = time.monotonic() + 60
while read_more(master, 0.1):
    if time.monotonic() > deadline:
        print('does not end')
        os.kill(pid, signal.SIGKILL)
        break
status = os.waitpid(pid, 0)[1]
sys.stdout.write(seen.decode(errors='replace'))
print(f'\nrc={os.waitstatus_to_exitcode(status)}')
