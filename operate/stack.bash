# What the commands in this folder have in common. Each is run in the folder of the repository, with the AWS CLI and
# credentials of the integration account; STACK names the stack where it is not called `causeway`.
set -euo pipefail
STACK=${STACK:-causeway}

refuse() {
  echo "$(basename "$0"): $1" >&2
  exit 2
}

# An output of the stack.
output() {
  aws cloudformation describe-stacks --stack-name "$STACK" \
    --query "Stacks[0].Outputs[?OutputKey=='$1'].OutputValue" --output text
}

# A parameter of the stack; empty where it has none of that name.
parameter() {
  aws cloudformation describe-stacks --stack-name "$STACK" \
    --query "Stacks[0].Parameters[?ParameterKey=='$1'].ParameterValue" --output text
}

# The physical ID of a resource of the stack.
resource() {
  aws cloudformation describe-stack-resource --stack-name "$STACK" --logical-resource-id "$1" \
    --query StackResourceDetail.PhysicalResourceId --output text
}

# The state of an event source mapping.
state() {
  aws lambda get-event-source-mapping --uuid "$1" --query State --output text
}

# Waits for a state of an event source mapping, for two minutes at most.
wait_for_state() { # UUID STATE
  local attempt
  for attempt in $(seq 60); do
    [ "$(state "$1")" != "$2" ] || return 0
    sleep 2
  done
  refuse "the event source $1 is still not $2 after two minutes: run this again"
}

# Refuses what is no function of the stack.
require_function() {
  case $1 in
    Ingest | Schedule | Reconcile | Tenants | Onboarding | Signin) ;;
    *) refuse "there is no function $1: Ingest, Schedule, Reconcile, Tenants, Onboarding or Signin" ;;
  esac
}

# How many instances are reserved for a function: a number, or None.
reserved() {
  aws lambda get-function-concurrency --function-name "$1" --query ReservedConcurrentExecutions --output text
}

# A line of the deployment's own settings: its value between the double quotes.
setting() { # NAME
  sed -n "s/^ *'$1=\"\([^\"]*\)\"'.*/\1/p" samconfig.toml | tail -n 1
}

# Deploys what was built, with the settings in a file and a Release of its own, and leaves samconfig.toml as it is.
deploy_as() { # RELEASE TEMPLATE SETTINGS
  local settings
  settings=$PWD/.aws-sam/operate.toml
  sed "s/'Release=\"[^\"]*\"'/'Release=\"$1\"'/" "$3" > "$settings"
  sam deploy --config-env integration --config-file "$settings" --template-file "$2"
}

now() {
  date -u +%Y%m%dT%H%M%SZ
}
