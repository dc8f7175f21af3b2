"""What every test shares: how Hypothesis behaves."""

import hypothesis

# Workers share two cores with real servers: a slow example says nothing about the code.
hypothesis.settings.register_profile("acrux", deadline=None)
# In CI Hypothesis has a profile of its own, which tries the same examples each time.
if hypothesis.settings.get_current_profile_name() != "ci":
    hypothesis.settings.load_profile("acrux")
