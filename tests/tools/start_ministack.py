"""Starts MiniStack with what it lacks for this project.

It leaves condition keys out of its IAM evaluation that the template and the tenants' roles rely on.
Without them here, either the policies would have to be weaker than AWS allows, or nothing could run
locally. And it keeps what functions print in memory only: here it is also appended to files in the
folder that FUNCTION_LOGS names, one for each function.
"""

import contextvars
import json
import os
import re

from ministack.core import iam_actions, iam_evaluator
from ministack.services import apigateway, eventbridge, iam, lambda_svc, scheduler, sqs

_resolve = iam_evaluator._resolve_condition_key
_iam_action = iam_actions.extract_iam_action
_tag_context = iam_actions.request_tag_context
_emit_logs = lambda_svc._emit_lambda_logs
_send_message, _send_batch = sqs._act_send_message, sqs._act_send_message_batch
_parse_rate = eventbridge._parse_rate_seconds
_system_attributes = contextvars.ContextVar("of the messages of a batch, by deduplication ID", default={})
_log_folder = os.environ.pop("FUNCTION_LOGS", "")


def _resolve_condition_key(key, context):
    """AWS gives `aws:PrincipalArn` of a role session as the ARN of the role, with its path."""
    value = _resolve(key, context)
    if key.lower() != "aws:principalarn" or ":assumed-role/" not in str(value):
        return value
    account, name = value.split(":")[4], value.split("/")[1]
    role = iam._roles.get_scoped(account, None, name)
    return role["Arn"] if role else value


def _extract_iam_action(service, *request):
    """SQS has no permissions for its batches: `sqs:SendMessage` is that for `SendMessageBatch` too."""
    action = _iam_action(service, *request)
    return action.removesuffix("Batch") if service == "sqs" and action else action


def _encryption_context_keys(request):
    pairs = request.get("EncryptionContext") or {}
    keys = {f"kms:EncryptionContext:{name}": value for name, value in pairs.items()}
    if pairs:
        keys["kms:EncryptionContextKeys"] = list(pairs)
    return keys


def _leading_keys(request):
    """The partition keys that a request names; every table here calls its partition key `pk`."""
    items = [request]
    for entry in request.get("TransactItems") or []:
        items.extend(part for part in entry.values() if isinstance(part, dict))
    for table in (request.get("RequestItems") or {}).values():
        items.extend({"Key": key} for key in table.get("Keys", []) if isinstance(table, dict))
    found = []
    for item in items:
        key = (item.get("Key") or item.get("Item") or {}).get("pk") or {}
        if "S" in key:
            found.append(key["S"])
    return {"dynamodb:LeadingKeys": found} if found else {}


def _request_context(service, action, body, parameters):
    context = _tag_context(service, action, body, parameters)
    if service not in ("kms", "dynamodb"):
        return context
    try:
        request = json.loads(body or b"{}")
    except ValueError:
        return context
    added = _encryption_context_keys(request) if service == "kms" else _leading_keys(request)
    return {**context, **added}


def _emit_lambda_logs(function, request_id, text, error, duration, **options):
    config = function.get("config") or function
    group = (config.get("LoggingConfig") or {}).get("LogGroup") or config.get("FunctionName", "unknown")
    if _log_folder and text:
        with open(os.path.join(_log_folder, group.rsplit("/", 1)[-1] + ".log"), "a") as file:
            file.write(text.rstrip("\n") + "\n")
    _emit_logs(function, request_id, text, error, duration, **options)


def _act_send_message(request, url):
    given = _system_attributes.get().get(request.get("MessageDeduplicationId"))
    return _send_message({**request, "MessageSystemAttributes": given} if given else request, url)


def _act_send_message_batch(request, url):
    """The messages of a batch keep their system attributes, the trace among them, as a single one does."""
    entries = request.get("Entries", [])
    given = {entry.get("MessageDeduplicationId"): entry.get("MessageSystemAttributes") for entry in entries}
    token = _system_attributes.set(given)
    try:
        return _send_batch(request, url)
    finally:
        _system_attributes.reset(token)


def _parse_rate_seconds(expression):
    """A rate of seconds too, which AWS does not have, for those who would wait for a minute to pass."""
    seconds = re.fullmatch(r"rate\((\d+) seconds\)", expression)
    return int(seconds[1]) if seconds else _parse_rate(expression)


def _find_api_scope(api_id):
    """An API is reached by its ID, whoever calls: a call without a signature is of no account."""
    owners = (owner for owner, _ in apigateway._apis.all_items())
    return next(((account, region) for account, region, found in owners if found == api_id), None)


iam_evaluator._resolve_condition_key = _resolve_condition_key
iam_actions.request_tag_context = _request_context
iam_actions.extract_iam_action = _extract_iam_action
lambda_svc._emit_lambda_logs = _emit_lambda_logs
sqs._act_send_message = _act_send_message
sqs._HANDLERS["SendMessageBatch"] = _act_send_message_batch
eventbridge._parse_rate_seconds = _parse_rate_seconds
apigateway.find_api_scope = _find_api_scope
scheduler._SCHEDULE_TICK_INTERVAL = 1
# A key for several Regions has an ID of this form too, by which a ciphertext names it that is opened without a key's ID.
iam_actions._KMS_KEY_ID_RE = re.compile(f"{iam_actions._KMS_KEY_ID_RE.pattern}|^mrk-[0-9a-f]{{32}}$")

if __name__ == "__main__":
    from ministack.app import main

    main()
