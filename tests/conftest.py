"""What every test shares: how Hypothesis behaves."""

import os

import hypothesis

# Workers share two cores with real servers: a slow example says nothing about the code. CI tries
# the same examples each time.
hypothesis.settings.register_profile(
    "acrux",
    deadline=None,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
    derandomize=os.environ.get("CI") == "true",
)
hypothesis.settings.load_profile("acrux")
