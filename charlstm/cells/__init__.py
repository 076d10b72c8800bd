"""Recurrent cells: their equations, names, weight shapes, and the loop over layers."""
