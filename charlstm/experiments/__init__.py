"""Train several networks under equal conditions and compare the outcomes."""
