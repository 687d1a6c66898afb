"""What schemathesis needs to speak to the local cloud: AWS's signature, what exists there, and what API Gateway answers.

Without a tenant and a user pool that exist nearly every call would be answered with 404 and say nothing.
"""

import atexit
import json
import os
import zlib
from collections import Counter

import schemathesis
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from requests.auth import AuthBase
from schemathesis.core.parameters import ParameterLocation
from schemathesis.generation import GenerationMode

CREDENTIALS = Credentials(os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_SECRET_ACCESS_KEY"])
REGION = os.environ["AWS_REGION"]
ROLE_NAME_PREFIX = "Causeway"

# What there is, by the name of the path's parameter.
KNOWN = {
    "tenant_id": os.environ["CAUSEWAY_TENANT"],
    "user_pool_id": os.environ["CAUSEWAY_USER_POOL"],
    "link_id": os.environ["CAUSEWAY_LINK"],
    "connection_id": "conn_01E4ZCR3C56J083X43JQXF3JK5",
}
# What a removal is tried on, by its path: the rest has to be there to the end.
REMOVED = {
    "/v1/tenants/{tenant_id}": {"tenant_id": os.environ["CAUSEWAY_REMOVED_TENANT"]},
    "/v1/tenants/{tenant_id}/user-pools/{user_pool_id}": {"user_pool_id": os.environ["CAUSEWAY_REMOVED_USER_POOL"]},
}

# What API Gateway answers itself, before any function is asked. The document is of what the functions answer.
OF_API_GATEWAY = {
    "403": "IAM does not let the caller in, or the signature is not good.",
    "404": "No route has this path.",
    "405": "No route has this method.",
    "413": "The request is larger than API Gateway takes.",
    "429": "The stage's rate is used up.",
}
# The emulator names the kind of some refusals in the body, which AWS does in a header.
MESSAGE = {
    "type": "object",
    "required": ["message"],
    "properties": {"message": {"type": ["string", "null"]}, "__type": {"type": "string"}},
    "additionalProperties": False,
}
# Where no route can be told from the path, the emulator refuses as it does for AWS's own services.
MEDIA_TYPES = ("application/json", "application/x-amz-json-1.0")


class Signature(AuthBase):
    """Signs a request as it is sent."""

    def __call__(self, request):
        signed = AWSRequest(method=request.method, url=request.url, data=request.body or b"")
        SigV4Auth(CREDENTIALS, "execute-api", REGION).add_auth(signed)
        request.headers.update(dict(signed.headers))
        return request


schemathesis.auth.set_from_requests(Signature())


@schemathesis.hook
def before_load_schema(context, raw_schema):
    """Adds what API Gateway answers itself to every operation, in the form that it has there and no other."""
    for item in raw_schema["paths"].values():
        for operation in item.values():
            for status, reason in OF_API_GATEWAY.items():
                answer = operation["responses"].setdefault(status, {"description": reason})
                content = answer.setdefault("content", {})
                content.update({media_type: {"schema": MESSAGE} for media_type in MEDIA_TYPES})


@schemathesis.hook
def before_call(context, case, kwargs):
    """Puts what exists in the place of most that is made up by the rules; what breaks a rule stays as it is."""
    parts = case.meta.components if case.meta else {}

    def is_made_up(place):
        return place in parts and parts[place].mode is GenerationMode.POSITIVE

    if is_made_up(ParameterLocation.PATH) and case.path_parameters:
        use_what_exists(case)
    # Role names begin with a parameter of the deployment, which the document can't know.
    name = case.body.get("role_name") if isinstance(case.body, dict) else None
    if is_made_up(ParameterLocation.BODY) and isinstance(name, str) and not name.startswith(ROLE_NAME_PREFIX):
        case.body["role_name"] = (ROLE_NAME_PREFIX + name)[: max(len(name), len(ROLE_NAME_PREFIX) + 1)]


def use_what_exists(case):
    """The same for the same case, so that a failure happens again."""
    removed = REMOVED.get(case.path, {}) if case.method == "DELETE" else {}
    text = repr((case.method, case.path, case.path_parameters, case.query, case.body))
    if zlib.crc32(text.encode("utf-8", "surrogatepass")) % 4:
        case.path_parameters.update({name: KNOWN[name] for name in case.path_parameters if name in KNOWN})
        case.path_parameters.update(removed)
    # An ID that an answer showed can have been made up too.
    elif any(case.path_parameters[name] == KNOWN[name] for name in removed):
        case.path_parameters.update(removed)


REQUESTS = Counter()
ANSWERED = set()
CARRIED_OUT = set()
BY_API_GATEWAY = Counter()


@schemathesis.hook
def after_call(context, case, response):
    REQUESTS[case.operation.label] += 1
    if response.status_code < 300:
        CARRIED_OUT.add(case.operation.label)
    # Every answer of a function carries the ID of its request.
    if any(name.lower() == "x-request-id" for name in response.headers):
        ANSWERED.add(case.operation.label)
    else:
        BY_API_GATEWAY[response.status_code] += 1


@atexit.register
def report():
    """What was done, for who started this."""
    with open(os.environ["CAUSEWAY_REPORT"], "w", encoding="utf-8") as file:
        done = {
            "requests": sum(REQUESTS.values()),
            "answered": sorted(ANSWERED),
            "carried_out": sorted(CARRIED_OUT),
            "by_api_gateway": BY_API_GATEWAY,
        }
        json.dump(done, file)
