"""What a straightforward reconciler does to find out that a user pool is in line, with boto3 as it comes.

It lists the connections in WorkOS and the providers of the pool, describes each provider, and compares. The
benchmark counts its calls beside Causeway's. It changes nothing.

plain_reconciler.py AWS_ENDPOINT WORKOS_URL WORKOS_API_KEY ACCOUNT REGION USER_POOL_ID
"""

import json
import resource
import sys
import time
import urllib.request

import boto3
from botocore.config import Config


def connections(url, key):
    found, after = {}, None
    while True:
        page = f"{url}/connections?limit=100" + (f"&after={after}" if after else "")
        request = urllib.request.Request(page, headers={"Authorization": f"Bearer {key}"})
        with urllib.request.urlopen(request) as answer:
            listed = json.load(answer)
        found.update({connection["id"]: connection for connection in listed["data"]})
        after = listed["list_metadata"]["after"]
        if not after:
            return found


def providers(cognito, pool):
    found = {}
    for page in cognito.get_paginator("list_identity_providers").paginate(UserPoolId=pool):
        for listed in page["Providers"]:
            name = listed["ProviderName"]
            described = cognito.describe_identity_provider(UserPoolId=pool, ProviderName=name)
            found[name] = described["IdentityProvider"]
    return found


def main():
    endpoint, workos_url, workos_key, account, region, pool = sys.argv[1:]
    cognito = boto3.client(
        "cognito-idp",
        endpoint_url=endpoint,
        region_name=region,
        aws_access_key_id=account,
        aws_secret_access_key="any",
        # The mode that AWS recommends, with enough attempts that a throttle ends no run.
        config=Config(retries={"mode": "standard", "max_attempts": 10}),
    )
    begin = time.monotonic()
    wanted = connections(workos_url, workos_key)
    there = providers(cognito, pool)
    names = {connection.replace("conn_", "conn-", 1): connection for connection in wanted}
    missing = sorted(names.keys() - there.keys())
    superfluous = sorted(name for name in there.keys() - names.keys())
    changed = [
        name
        for name in sorted(names.keys() & there.keys())
        if names[name] not in there[name]["IdpIdentifiers"]
        or not there[name]["ProviderDetails"]["oidc_issuer"].endswith(names[name])
    ]
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    took = (time.monotonic() - begin) * 1000
    drift = len(missing) + len(superfluous) + len(changed)
    print(json.dumps({"took_ms": took, "memory_mib": memory, "providers": len(there), "drift": drift}))


if __name__ == "__main__":
    main()
