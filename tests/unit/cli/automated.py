"""A small project with conditions."""

CHAIN = "return {'__default__': Pipeline([n('a', ['raw'], ['x']), n('b', ['x'], ['y']), n('c', ['y'], ['z'])])}"
PAIR = """
    return {'__default__': Pipeline([
        n('a', ['raw'], ['left', 'made']), n('b', ['raw'], ['right', 'found']),
        n('c', ['left', 'found'], ['one']), n('d', ['right', 'made'], ['two'])])}
"""
"""`one` and `two` are each made from data in memory, and from what the run of the other stores beside it."""

ON_CRON = "{on_cron: '@daily'}"


def file(name, condition="", place=""):
    settings = f"\n  metadata: {{dagster: {{automation_condition: {condition}}}}}" if condition else ""
    return f"{name}:\n  type: json.JSONDataset\n  filepath: {place or name + '.json'}{settings}\n"
