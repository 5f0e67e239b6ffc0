#!/usr/bin/env python3
"""Makes dictionary 1, which policy versions are packed with: fragments of Cedar's JSON as the store derives it (keys
sorted), and of the example policies. A dictionary never changes once a store was written with it: this script shows
how its bytes came about, and `--check` compares them.

    python3 scripts/dictionary.py > src/record/dictionary-1.txt
    python3 scripts/dictionary.py --check src/record/dictionary-1.txt
"""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).parent.parent

# The rarest first. A fragment ends where the text of a policy begins to differ.
OPERATORS = [
    '{"getTag":{"left":{"Var":"', '{"hasTag":{"left":{"Var":"', '{"isEmpty":{"arg":{".":{"attr":"',
    '{"if-then-else":{"else":{"Value":false},"if":{"', '"then":{"', '{"neg":{"arg":{', '{"*":{"left":{', '{"-":{"left":{',
    '{"+":{"left":{', '{"Record":{"', '{"datetime":[{"Value":"', '{"duration":[{"Value":"', '{"offset":[{"', '{"decimal":[{"Value":"',
    '{"ip":[{"Value":"', '{"isInRange":[{".":{"attr":"', '{"greaterThan":[{"', '{"lessThan":[{"',
    '{"like":{"left":{".":{"attr":"', '"pattern":[{"Literal":"', '"},"Wildcard"]}},',
    '{"is":{"entity_type":"', '","in":{"', '{"containsAny":{"left":{".":{"attr":"', '{"containsAll":{"left":{".":{"attr":"',
    '{"contains":{"left":{"Set":[{"Value":{"__entity":{"id":"', '{"contains":{"left":{".":{"attr":"',
    '{"has":{"attr":"', '{"<=":{"left":{".":{"attr":"', '{"<":{"left":{".":{"attr":"', '{">=":{"left":{".":{"attr":"',
    '{">":{"left":{".":{"attr":"', '{"!=":{"left":{".":{"attr":"', '{"==":{"left":{".":{"attr":"',
    '{"!":{"arg":{".":{"attr":"', '{"in":{"left":{"Var":"principal"},"right":{"Value":{"__entity":{"id":"', '","type":"Group"}}}}}',
    '{"in":{"left":{"Var":"resource"},"right":{"', '{"in":{"left":{"Var":"action"},"right":{"',
    '{"||":{"left":{"||":{"left":{"', '{"&&":{"left":{"&&":{"left":{"has":{"attr":"',
    '","left":{"Var":"context"}}},"right":{".":{"attr":"', '","left":{"Var":"principal"}}},"right":{".":{"attr":"',
    '","left":{"Var":"resource"}}},"right":{"Var":"principal"}}}',
    '","left":{"Var":"context"}}},"right":{"Value":true}}}', '","left":{"Var":"principal"}}},"right":{"Value":1',
    '","left":{"Var":"resource"}}},"right":{"Value":"',
]

# The frame of a version's JSON, with every kind of scope.
FRAME = [
    '","policy1":{"action":{"entity":{"id":"', '","type":"Action"},"op":"in"},"annotations":{"id":"', '"},"conditions":[],"effect":"permit",',
    '"principal":{"entity":{"id":"', '","type":"User"},"op":"=="},"resource":{"entity_type":"', '","op":"is"}}',
    '"principal":{"entity_type":"User","in":{"entity":{"id":"', '","type":"Role"}},"op":"is"},"resource":{"entity":{"id":"',
    '{"staticPolicies":{"policy0":{"action":{"op":"All"},"conditions":[{"body":{"',
    '{"staticPolicies":{"policy0":{"action":{"entity":{"id":"', '","type":"Action"},"op":"=="},"conditions":[{"body":{"',
    '{"staticPolicies":{"policy0":{"action":{"entities":[{"id":"read","type":"Action"},{"id":"', '","type":"Action"},{"id":"',
    '","type":"Action"}],"op":"in"},"conditions":[{"body":{"', '"}},"kind":"when"},{"body":{"', '"}}}},"kind":"unless"}],"effect":"forbid",',
    '"principal":{"op":"All"},"resource":{"op":"All"}}},"templateLinks":[],"templates":{}}',
    '"kind":"when"}],"effect":"permit","principal":{"op":"All"},"resource":{"entity_type":"',
    '"principal":{"entity":{"id":"', '","type":"Team"},"op":"in"},"resource":{"entity":{"id":"',
    '","type":"Folder"},"op":"in"}}},"templateLinks":[],"templates":{}}',
]

TEXT = [
    'permit (\n    principal,\n    action == Action::"', '",\n    resource is ', '\n)\nwhen { ', 'permit (\n    principal in ',
    '",\n    action in [Action::"', '",\n    resource\n)\nwhen {\n    ', '\n}\nunless {\n    ', 'forbid (principal, action, resource)\nwhen { ',
    'permit(principal == User::"', '", action in [Action::"view", Action::"edit"], resource in Folder::"', ') when { principal in resource.',
    ' && context.', ' || resource.owner == principal', 'unless { context.', '.contains("', ' };\n',
]


def examples():
    """The statements of the example policies, without comments and indentation beyond one level."""
    for path in sorted((ROOT / "examples/quickstart/policies").glob("*.cedar")):
        yield re.sub(r"//[^\n]*\n", "", path.read_text())


def dictionary():
    return "".join([*OPERATORS, *examples(), *TEXT, *FRAME]).encode()


def main():
    made = dictionary()
    if sys.argv[1:2] == ["--check"]:
        if pathlib.Path(sys.argv[2]).read_bytes() != made:
            sys.exit(f"{sys.argv[2]} is not what this script makes")
    else:
        sys.stdout.buffer.write(made)


main()
