"""What an association is worth: how much confounding, misclassification or chance could explain it."""
