"""How each layer is computed natively: one rule for each class of layers."""
