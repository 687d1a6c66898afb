"""Prints which permissions CloudFormation's handlers of the template's resource types say that they need.

They stand in the schemas of the resource types, of which cfn-lint carries a copy. With the environment of SAM CLI:
.local/tools/sam/bin/python tests/tools/handlers.py > docs/iam/handlers.json
"""

import json
import pathlib
import re
from importlib.metadata import version

import cfnlint

REGION = "us-east-1"
SCHEMAS = pathlib.Path(cfnlint.__file__).parent / "data/schemas"
TEMPLATE = pathlib.Path(__file__).parents[2] / "template.yaml"


def read(path):
    return json.loads((SCHEMAS / path).read_text())


def handlers(schema):
    """Each permission once, under the handlers that ask for it."""
    return {name: sorted(set(handler["permissions"])) for name, handler in sorted(read(schema)["handlers"].items())}


kinds = set(re.findall(r"^ +Type: (AWS::\S+)$", TEMPLATE.read_text(), re.MULTILINE))
# SAM makes a function of it, and nothing else: roles, versions, aliases and triggers are written out.
kinds = sorted({kind.replace("AWS::Serverless::Function", "AWS::Lambda::Function") for kind in kinds})
of_region = read(f"providers/{REGION}.json")
print("{")
print(f'  "source": "cfn-lint {version("cfn-lint")} on PyPI, the schemas of {REGION}",')
print(f'  "date": "{read("version.json")["schema_date"]}",')
print('  "handlers": {')
for kind in kinds:
    lines = [f"      {json.dumps(name)}: {json.dumps(asked)}" for name, asked in handlers(f"resources/{of_region[kind]}.json").items()]
    print(f"    {json.dumps(kind)}: {{\n" + ",\n".join(lines) + "\n    }" + ("," if kind != kinds[-1] else ""))
print("  }\n}")
