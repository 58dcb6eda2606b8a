"""What the demo's upstream offers, in the words and schemas a listing needs.

Each endpoint is a plain dict: `method`, `path` (with {name} for path parameters), `title`,
`description`, `tags`, `input_schema` (an object of `path`, `query`, `body`),
`output_schema`, `example_input` of the same shape, and `sample`: status, content type and
body of the true answer to that example.
"""

from typing import Any, Final

from orjson import dumps

from marketplace.embedded.upstream import tools
from marketplace.embedded.upstream.cities import as_events, look_up, tour
from marketplace.embedded.upstream.pictures import draw_identicon

Endpoint = dict[str, Any]


def _object(properties: dict[str, Any], *optional: str) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": [name for name in properties if name not in optional],
        "additionalProperties": False,
    }


def _text(description: str, **more: Any) -> dict[str, Any]:
    return {"type": "string", "description": description, **more}


def _number(description: str, **more: Any) -> dict[str, Any]:
    return {"type": "number", "description": description, **more}


def _json_sample(answer: dict[str, Any]) -> dict[str, Any]:
    return {"status": 200, "content_type": "application/json", "body": dumps(answer)}


_ARTICLE: Final = (
    "A market is a place where strangers trade. Every trade needs a price, and a price needs "
    "trust. Software agents trade with strangers all day. They cannot shake hands, so the "
    "market must check each promise for them. A signed promise and a public ledger make a "
    "price that both strangers can trust."
)
_RECORDS: Final[list[Any]] = [
    {"name": "Ada", "email": "ada@example.com", "age": 36},
    {"name": "Grace", "email": "", "age": "85"},
    {"name": "Ada", "email": "ada@example.com", "age": 36},
]

LOOKUP: Final[Endpoint] = {
    "method": "GET",
    "path": "/lookup",
    "title": "City facts",
    "description": "Where a city lies, its country, time zone and size, and the nearest other "
    "city we know. 36 large cities, answered from memory in a millisecond.",
    "tags": ["geo", "cities", "lookup"],
    "input_schema": _object(
        {"query": _object({"city": _text("City name in English, as in Oslo", maxLength=60)})}
    ),
    "output_schema": _object(
        {
            "city": _text("Its name"),
            "country": _text("ISO 3166 code"),
            "latitude": _number("Degrees north"),
            "longitude": _number("Degrees east"),
            "time_zone": _text("IANA time zone"),
            "population": {"type": "integer", "description": "Inhabitants, rounded"},
            "nearest": _object(
                {"city": _text("Its name"), "distance_km": _number("As the crow flies")}
            ),
        }
    ),
    "example_input": {"query": {"city": "Oslo"}},
    "sample": _json_sample(look_up("Oslo")),
}

TEXT: Final[Endpoint] = {
    "method": "POST",
    "path": "/text",
    "title": "Text digest",
    "description": "The sentences that say most of a text, its keywords, its length and how "
    "long it takes to read. Works on any language that writes words with spaces.",
    "tags": ["text", "summary", "keywords"],
    "input_schema": _object(
        {
            "body": _object(
                {
                    "text": _text("The text", minLength=1, maxLength=100_000),
                    "sentences": {
                        "type": "integer",
                        "description": "How many sentences to keep",
                        "minimum": 1,
                        "maximum": 10,
                    },
                },
                "sentences",
            )
        }
    ),
    "output_schema": _object(
        {
            "summary": _text("The sentences kept, in their order"),
            "keywords": {"type": "array", "items": {"type": "string"}},
            "characters": {"type": "integer"},
            "words": {"type": "integer"},
            "sentences": {"type": "integer"},
            "reading_seconds": {"type": "integer"},
        }
    ),
    "example_input": {"body": {"text": _ARTICLE, "sentences": 1}},
    "sample": _json_sample(tools.digest_text(_ARTICLE, 1)),
}

SCORE: Final[Endpoint] = {
    "method": "POST",
    "path": "/score",
    "title": "Data quality score",
    "description": "Scores a data set from 0 to 100: are its fields filled, of one type, and "
    "not repeated? With a verdict per field, so that an agent knows what to clean first.",
    "tags": ["data", "quality", "json"],
    "input_schema": _object(
        {
            "body": _object(
                {
                    "records": {
                        "type": "array",
                        "description": "The records, as objects with fields",
                        "items": {"type": "object", "minProperties": 1},
                        "minItems": 1,
                        "maxItems": tools.RECORDS_MAX,
                    }
                }
            )
        }
    ),
    "output_schema": _object(
        {
            "score": {"type": "integer", "minimum": 0, "maximum": 100},
            "records": {"type": "integer"},
            "duplicates": {"type": "integer"},
            "completeness": _number("Share of fields filled, 0 to 1"),
            "consistency": _number("Share of values of their field's usual type, 0 to 1"),
            "fields": {"type": "object", "description": "Type, filled and consistent, by field"},
        }
    ),
    "example_input": {"body": {"records": _RECORDS}},
    "sample": _json_sample(tools.score_records(_RECORDS)),
}

REPORT: Final[Endpoint] = {
    "method": "GET",
    "path": "/report",
    "title": "Savings projection",
    "description": "Plays a monthly savings plan through 500 possible futures and says how it "
    "tends to end. Takes a few seconds. Illustration, not advice.",
    "tags": ["finance", "simulation", "slow"],
    "input_schema": _object(
        {
            "query": _object(
                {
                    "monthly": _number("Paid in each month", exclusiveMinimum=0, maximum=1e6),
                    "years": {
                        "type": "integer",
                        "description": "How long",
                        "minimum": 1,
                        "maximum": 40,
                    },
                    "return": _number("Expected per year, 0.05 is 5 %", minimum=-0.5, maximum=0.5),
                    "volatility": _number("Per year, 0.15 is 15 %", minimum=0, maximum=1),
                }
            )
        }
    ),
    "output_schema": _object(
        {
            "paid_in": _number("Sum of all payments"),
            "percentiles": {"type": "object", "description": "Worth at the end, by percentile"},
            "chance_of_loss": _number("Share of futures that end below what was paid in"),
            "futures": {"type": "integer"},
        }
    ),
    "example_input": {"query": {"monthly": 200, "years": 10, "return": 0.05, "volatility": 0.15}},
    "sample": _json_sample(tools.project_savings(200, 10, 0.05, 0.15)),
}

CONVERT: Final[Endpoint] = {
    "method": "GET",
    "path": "/convert/{from}/{to}",
    "title": "Unit conversion",
    "description": "Converts between 27 units of length, mass, volume, speed, temperature and "
    "energy: " + ", ".join(tools.UNITS) + ".",
    "tags": ["units", "conversion", "math"],
    "input_schema": _object(
        {
            "path": _object(
                {
                    "from": _text("Unit of the amount", enum=list(tools.UNITS)),
                    "to": _text("Unit of the result", enum=list(tools.UNITS)),
                }
            ),
            "query": _object({"amount": _number("How much", minimum=-1e15, maximum=1e15)}),
        }
    ),
    "output_schema": _object(
        {
            "from": _text("Unit of the amount"),
            "to": _text("Unit of the result"),
            "amount": _number("As asked"),
            "result": _number("In the other unit, to 12 digits"),
            "measures": _text("What both units measure"),
        }
    ),
    "example_input": {"path": {"from": "mi", "to": "km"}, "query": {"amount": 26.2}},
    "sample": _json_sample(tools.convert("mi", "km", 26.2)),
}

IDENTICON: Final[Endpoint] = {
    "method": "GET",
    "path": "/identicon",
    "title": "Identicon",
    "description": "A small symmetric picture that belongs to a name: the same name always "
    "gives the same picture. PNG, 240 by 240.",
    "tags": ["image", "avatar", "png"],
    "input_schema": _object(
        {"query": _object({"seed": _text("The name", minLength=1, maxLength=200)})}
    ),
    "output_schema": _text("A PNG picture", contentMediaType="image/png"),
    "example_input": {"query": {"seed": "souk"}},
    "sample": {"status": 200, "content_type": "image/png", "body": draw_identicon("souk")},
}

TOUR: Final[Endpoint] = {
    "method": "GET",
    "path": "/tour",
    "title": "City tour",
    "description": "Travels from a city to the nearest one not seen yet, and on from there, and "
    "tells of each stop as it gets there: a stream of server-sent events.",
    "tags": ["geo", "cities", "stream"],
    "input_schema": _object(
        {
            "query": _object(
                {
                    "from": _text("City name in English, as in Oslo", maxLength=60),
                    "stops": {
                        "type": "integer",
                        "description": "How many cities",
                        "minimum": 1,
                        "maximum": 36,
                    },
                }
            )
        }
    ),
    "output_schema": _text("Server-sent events: stop, with what City facts says; then end"),
    "example_input": {"query": {"from": "Oslo", "stops": 4}},
    "sample": {
        "status": 200,
        "content_type": "text/event-stream",
        "body": b"".join(as_events(tour("Oslo", 4))),
    },
}

ENDPOINTS: Final = (LOOKUP, TEXT, SCORE, REPORT, CONVERT, IDENTICON, TOUR)
