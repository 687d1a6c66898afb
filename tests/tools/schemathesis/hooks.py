"""What schemathesis needs to speak to the local cloud: AWS's signature, and a tenant and a user pool that exist.

Without the latter nearly every call would be answered with 404 and say nothing.
"""

import os
import zlib

import schemathesis
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from requests.auth import AuthBase

CREDENTIALS = Credentials(os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_SECRET_ACCESS_KEY"])
REGION = os.environ["AWS_REGION"]
KNOWN = {"tenant_id": os.environ["CAUSEWAY_TENANT"], "user_pool_id": os.environ["CAUSEWAY_USER_POOL"]}
ROLE_NAME_PREFIX = "Causeway"


class Signature(AuthBase):
    """Signs a request as it is sent."""

    def __call__(self, request):
        signed = AWSRequest(method=request.method, url=request.url, data=request.body or b"")
        SigV4Auth(CREDENTIALS, "execute-api", REGION).add_auth(signed)
        request.headers.update(dict(signed.headers))
        return request


schemathesis.auth.set_from_requests(Signature())


@schemathesis.hook
def map_path_parameters(context, path_parameters):
    """Puts an ID that exists in the place of most, always the same for the same made-up one."""
    for name, known in KNOWN.items():
        made_up = (path_parameters or {}).get(name)
        if isinstance(made_up, str) and zlib.crc32(made_up.encode()) % 4:
            path_parameters[name] = known
    return path_parameters


@schemathesis.hook
def map_body(context, body):
    """Role names begin with a parameter of the deployment, which the document can't know."""
    name = body.get("role_name") if isinstance(body, dict) else None
    if isinstance(name, str) and name and not name.startswith(ROLE_NAME_PREFIX):
        body["role_name"] = (ROLE_NAME_PREFIX + name)[: max(len(name), len(ROLE_NAME_PREFIX) + 1)]
    return body
