"""Associations of exposures with outcomes: models, marginal effects, interaction, dose-response, trends."""
