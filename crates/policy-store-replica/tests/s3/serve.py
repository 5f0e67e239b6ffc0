"""Starts moto's S3 on a free loopback port, creates a bucket, runs a command with its address, and stops the server.

Ends with the status of the command.
"""

import logging
import os
import subprocess
import sys
import urllib.request

from moto.server import ThreadedMotoServer

BUCKET = "policies"


def main() -> int:
    # One line for each request otherwise.
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        endpoint = "http://{}:{}".format(*server.get_host_and_port())
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        opener.open(urllib.request.Request(f"{endpoint}/{BUCKET}", method="PUT")).close()
        environment = os.environ | {
            "POLICY_STORE_S3_ENDPOINT": endpoint,
            "POLICY_STORE_S3_BUCKET": BUCKET,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_REGION": "us-east-1",
            "NO_PROXY": "127.0.0.1",
        }
        return subprocess.run(sys.argv[1:], env=environment, check=False).returncode
    finally:
        server.stop()


sys.exit(main())
