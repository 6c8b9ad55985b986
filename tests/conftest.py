"""What every test may rely on."""

from __future__ import annotations

import signal

# Started in the background, Python ignores Ctrl-C, and so would every command that a test starts and interrupts.
signal.signal(signal.SIGINT, signal.default_int_handler)
