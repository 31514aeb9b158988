# %% [markdown]
# # One cause of nocturnal leg cramps

# %% tags=["parameters"]
study = "simulated"
cause = "diabetes"
exposure = ""
outcome = "any_cramps"
adjust = ("age", "sex", "race_ethnicity", "education")
domain = "age >= 20"

# %%
from IPython.display import Markdown, display

import toolkit as tk

people = tk.open_study(study)
card = tk.card(cause)
display(Markdown(card.what))

# %% tags=["measured"]
asked = {"outcome": outcome, "exposure": exposure, "domain": domain}
crude = tk.association(people, **asked, adjust=(), estimand="prevalence_ratio")
adjusted = tk.association(people, **asked, adjust=adjust, estimand="prevalence_ratio")

# %%
tk.keep(title=f"{card.title} and nocturnal leg cramps", finding=card.what)
