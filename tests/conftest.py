"""What is collected: not the scripts, and what torch is needed for only where it is."""

from importlib.util import find_spec

collect_ignore_glob = ["training/*", "benchmarks/[!t]*"]
if find_spec("torch") is None:
    collect_ignore_glob.append("networks/networks.py")
