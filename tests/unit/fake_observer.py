"""Stands in for an Observer where no cluster is watched."""


class NoObserver:
    def __init__(self, *_):
        pass

    def start(self):
        pass

    def stop(self):
        pass
