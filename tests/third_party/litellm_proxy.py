"""Run the LiteLLM proxy until standard input ends: `litellm_proxy.py CONFIG PORT`.

So it ends with whoever started it, even after `kill -9`.
"""

import os
import subprocess
import sys

config, port = sys.argv[1:]
environment = {
    **os.environ,
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",  # else it asks the network for one
    "NO_PROXY": "127.0.0.1",
}
command = ["litellm", "--config", config, "--host", "127.0.0.1", "--port", port]
with subprocess.Popen(
    [*command, "--telemetry", "False"],
    env=environment,
    stdin=subprocess.DEVNULL,
    stdout=sys.stderr,
    stderr=sys.stderr,
) as proxy:
    sys.stdin.read()
    proxy.kill()
