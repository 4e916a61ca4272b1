"""Parses command lines with Python's argparse.

Request: {"parsers": {name: {flag: whether it is a switch}}, "lines": [[words]]}. Answer: for each
parser, by its name, a list with the result for each line: {"set": {flag: value, or true for a
switch}} (without unknown flags), {"ambiguous": [flags]}, {"help": true}, or {"error": message}
otherwise.
"""
import argparse
import json
import re
import sys


class Refused(Exception):
    pass


class Judge(argparse.ArgumentParser):
    def error(self, message):
        raise Refused(message)

    def print_help(self, file=None):
        pass


def parser_of(flags):
    parser = Judge()
    for flag, is_switch in flags.items():
        if is_switch:
            parser.add_argument("--" + flag, action="store_true", default=None)
        else:
            parser.add_argument("--" + flag, type=str)
    return parser


def verdict(parser, line):
    try:
        known, _ = parser.parse_known_args(line)
    except SystemExit:
        return {"help": True}
    except Refused as refused:
        ambiguous = re.match(r"ambiguous option: .* could match (.*)$", str(refused))
        if ambiguous:
            return {"ambiguous": [flag[2:] for flag in ambiguous.group(1).split(", ")]}
        return {"error": str(refused)}
    return {"set": {flag: value for flag, value in vars(known).items() if value is not None}}


request = json.load(sys.stdin)
parsers = {name: parser_of(flags) for name, flags in request["parsers"].items()}
answer = {name: [verdict(parser, line) for line in request["lines"]] for name, parser in parsers.items()}
print(json.dumps(answer))
