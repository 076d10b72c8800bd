"""A model for people who do not have charlstm."""
