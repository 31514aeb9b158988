"""Model formulas: parsing, coding of factors, special terms, design matrix."""
