"""A lookup in a small table of cities."""

import math
from typing import Any, Final

from orjson import dumps

from marketplace.embedded.upstream.questions import BadInput

# City: country, latitude, longitude, IANA time zone, inhabitants of the municipality (rounded).
_CITIES: Final = {
    "amsterdam": ("Amsterdam", "NL", 52.3676, 4.9041, "Europe/Amsterdam", 921_000),
    "athens": ("Athens", "GR", 37.9838, 23.7275, "Europe/Athens", 643_000),
    "bangkok": ("Bangkok", "TH", 13.7563, 100.5018, "Asia/Bangkok", 5_500_000),
    "berlin": ("Berlin", "DE", 52.5200, 13.4050, "Europe/Berlin", 3_700_000),
    "bogota": ("Bogotá", "CO", 4.7110, -74.0721, "America/Bogota", 7_900_000),
    "buenos aires": (
        "Buenos Aires",
        "AR",
        -34.6037,
        -58.3816,
        "America/Argentina/Buenos_Aires",
        3_100_000,
    ),
    "cairo": ("Cairo", "EG", 30.0444, 31.2357, "Africa/Cairo", 10_200_000),
    "cape town": ("Cape Town", "ZA", -33.9249, 18.4241, "Africa/Johannesburg", 4_770_000),
    "copenhagen": ("Copenhagen", "DK", 55.6761, 12.5683, "Europe/Copenhagen", 660_000),
    "delhi": ("Delhi", "IN", 28.7041, 77.1025, "Asia/Kolkata", 16_800_000),
    "dublin": ("Dublin", "IE", 53.3498, -6.2603, "Europe/Dublin", 592_000),
    "helsinki": ("Helsinki", "FI", 60.1699, 24.9384, "Europe/Helsinki", 675_000),
    "istanbul": ("Istanbul", "TR", 41.0082, 28.9784, "Europe/Istanbul", 15_700_000),
    "jakarta": ("Jakarta", "ID", -6.2088, 106.8456, "Asia/Jakarta", 10_700_000),
    "lagos": ("Lagos", "NG", 6.5244, 3.3792, "Africa/Lagos", 15_400_000),
    "lisbon": ("Lisbon", "PT", 38.7223, -9.1393, "Europe/Lisbon", 546_000),
    "london": ("London", "GB", 51.5074, -0.1278, "Europe/London", 8_900_000),
    "madrid": ("Madrid", "ES", 40.4168, -3.7038, "Europe/Madrid", 3_330_000),
    "marrakesh": ("Marrakesh", "MA", 31.6295, -7.9811, "Africa/Casablanca", 1_010_000),
    "mexico city": ("Mexico City", "MX", 19.4326, -99.1332, "America/Mexico_City", 9_200_000),
    "mumbai": ("Mumbai", "IN", 19.0760, 72.8777, "Asia/Kolkata", 12_500_000),
    "nairobi": ("Nairobi", "KE", -1.2921, 36.8219, "Africa/Nairobi", 4_400_000),
    "new york": ("New York", "US", 40.7128, -74.0060, "America/New_York", 8_300_000),
    "oslo": ("Oslo", "NO", 59.9139, 10.7522, "Europe/Oslo", 717_000),
    "paris": ("Paris", "FR", 48.8566, 2.3522, "Europe/Paris", 2_100_000),
    "rome": ("Rome", "IT", 41.9028, 12.4964, "Europe/Rome", 2_750_000),
    "san francisco": ("San Francisco", "US", 37.7749, -122.4194, "America/Los_Angeles", 808_000),
    "sao paulo": ("São Paulo", "BR", -23.5505, -46.6333, "America/Sao_Paulo", 11_450_000),
    "seoul": ("Seoul", "KR", 37.5665, 126.9780, "Asia/Seoul", 9_400_000),
    "singapore": ("Singapore", "SG", 1.3521, 103.8198, "Asia/Singapore", 5_900_000),
    "stockholm": ("Stockholm", "SE", 59.3293, 18.0686, "Europe/Stockholm", 985_000),
    "sydney": ("Sydney", "AU", -33.8688, 151.2093, "Australia/Sydney", 5_300_000),
    "tokyo": ("Tokyo", "JP", 35.6762, 139.6503, "Asia/Tokyo", 14_000_000),
    "toronto": ("Toronto", "CA", 43.6532, -79.3832, "America/Toronto", 2_800_000),
    "vienna": ("Vienna", "AT", 48.2082, 16.3738, "Europe/Vienna", 2_000_000),
    "warsaw": ("Warsaw", "PL", 52.2297, 21.0122, "Europe/Warsaw", 1_860_000),
}
_FOLDED: Final = str.maketrans("áãäåèéíóöøúü", "aaaaeeiooouu")
_EARTH_RADIUS_KM: Final = 6371.0088


def _key(city: str) -> str:
    return " ".join(city.casefold().translate(_FOLDED).split())


def look_up(city: str) -> dict[str, Any]:
    """Find a city: where it lies, its time zone, its size, and the nearest other one."""
    key = _key(city)
    if key not in _CITIES:
        raise BadInput(f"unknown city; known are {', '.join(row[0] for row in _CITIES.values())}")
    name, country, latitude, longitude, zone, population = _CITIES[key]
    nearest = min((other for other in _CITIES if other != key), key=lambda o: _distance_km(key, o))
    return {
        "city": name,
        "country": country,
        "latitude": latitude,
        "longitude": longitude,
        "time_zone": zone,
        "population": population,
        "nearest": {"city": _CITIES[nearest][0], "distance_km": round(_distance_km(key, nearest))},
    }


def tour(city: str, stops: int) -> list[dict[str, Any]]:
    """Travel from a city to the nearest one not seen yet, and on from there."""
    if not 1 <= stops <= len(_CITIES):
        raise BadInput(f"1 to {len(_CITIES)} stops")
    seen = [_key(look_up(city)["city"])]
    while len(seen) < stops:
        here = seen[-1]
        left = (other for other in _CITIES if other not in seen)
        seen.append(min(left, key=lambda other: _distance_km(here, other)))
    return [look_up(key) for key in seen]


def as_events(stops: list[dict[str, Any]]) -> list[bytes]:
    """Each stop as a server-sent event, and one that says the tour is over."""
    told = [b"event: stop\ndata: %s\n\n" % dumps(stop) for stop in stops]
    return [*told, b"event: end\ndata: {}\n\n"]


def _distance_km(one: str, other: str) -> float:
    lat1, lon1, lat2, lon2 = map(math.radians, (*_CITIES[one][2:4], *_CITIES[other][2:4]))
    chord = (
        math.sin((lat2 - lat1) / 2) ** 2
        + math.cos(lat1) * math.cos(lat2) * math.sin((lon2 - lon1) / 2) ** 2
    )
    return 2 * _EARTH_RADIUS_KM * math.asin(math.sqrt(chord))
