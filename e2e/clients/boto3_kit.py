"""What the scripts of checks with boto3 have in common.

A check is a function under `@check(NAME)`. `main` runs them in their order and prints one JSON object a line, as xtask's
`clients::script` reads it.
"""

import hashlib
import json
import os
import time
import traceback

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

ENV = os.environ
BUCKET, PRIVATE, SECRET = ENV["BUCKET"], ENV["PRIVATE"], ENV["SECRET"]
MIB = 1024 * 1024

# The checks, in the order in which they stand here.
CHECKS = []


def check(name):
    def register(function):
        CHECKS.append((name, function))
        return function

    return register


def client(key, **config):
    config.setdefault("retries", {"max_attempts": 1})
    return boto3.client(
        "s3",
        endpoint_url=ENV["ENDPOINT"],
        region_name=ENV["REGION"],
        aws_access_key_id=ENV[f"{key}_KEY_ID"],
        aws_secret_access_key=ENV["OLD_SECRET" if key == "OLD" else f"{key}_SECRET"],
        config=Config(**config),
    )


owner = client("OWNER")
guest = client("GUEST")


def noise(seed, length):
    """The same bytes for the same seed, which do not compress."""
    return hashlib.shake_128(str(seed).encode()).digest(length)


def equal(one, other):
    if one != other:
        raise AssertionError(f"{one!r:.300} is not {other!r:.300}")


def fails(call, code, status, **arguments):
    """The call must fail with this code; for HEAD, which has no body, with this status."""
    try:
        answer = call(**arguments)
    except ClientError as error:
        said = error.response["Error"]["Code"]
        if said not in (code, str(status)) or error.response["ResponseMetadata"]["HTTPStatusCode"] != status:
            raise AssertionError(f"it failed with {said}, not {code}: {error}") from error
        return
    raise AssertionError(f"it did not fail: {answer!r:.300}")


def denied(call, **arguments):
    fails(call, "AccessDenied", 403, **arguments)


def main():
    for name, function in CHECKS:
        begun = time.monotonic()
        line = {"check": name}
        try:
            function()
        except Exception:  # whatever it is, it is what the check found
            line["failed"] = "\n".join(traceback.format_exc().splitlines()[-12:])
        line["seconds"] = round(time.monotonic() - begun, 3)
        print(json.dumps(line), flush=True)
    print(json.dumps({"end": True}))
