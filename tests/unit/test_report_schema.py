"""The published schema is that of the models, and every results.json that is written keeps to it."""

import json
import pathlib

import jsonschema
import made_run
import pytest
import recorded

from harness.results import Results, Use
from reports import schema


@pytest.fixture(scope="module")
def published() -> jsonschema.Draft202012Validator:
    found = json.loads(schema.FILE.read_text())
    jsonschema.Draft202012Validator.check_schema(found)
    return jsonschema.Draft202012Validator(found)


def test_the_published_file_is_that_of_the_models() -> None:
    assert schema.FILE.read_text() == schema.text(), "run: python -m reports.schema"


def written(results: Results, folder: pathlib.Path) -> object:
    results.write(folder / "results.json")
    return json.loads((folder / "results.json").read_text())


def test_every_recorded_and_made_run_keeps_to_it(
    published: jsonschema.Draft202012Validator, tmp_path: pathlib.Path
) -> None:
    for name in (*recorded.RECORDINGS, recorded.MATRIX):
        published.validate(written(Results.read(recorded.results_file(name)), tmp_path))
    made = made_run.write(tmp_path)
    run = made.run.model_copy(update={"use": Use(rate_per_s=20)})
    published.validate(written(made.model_copy(update={"run": run}), tmp_path))


@pytest.mark.parametrize(
    "change", [{"verdict": "maybe"}, {"duration_s": "long"}, {"unheard_of": 1}, {"expected": [{"what": "x"}]}]
)
def test_what_does_not_keep_to_it_is_found(
    published: jsonschema.Draft202012Validator, tmp_path: pathlib.Path, change: dict[str, object]
) -> None:
    data = json.loads(recorded.results_file("run").read_text())
    data["results"][0].update(change)
    assert not published.is_valid(data)
