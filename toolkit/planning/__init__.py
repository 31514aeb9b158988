"""Analysis plans: declared questions, frozen plans, adjusted p-values, the ledger of a session."""
