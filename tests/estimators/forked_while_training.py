"""Fork while a thread trains; the child predicts, unpickles and fits."""

import os
import pickle
import signal
import threading

import numpy as np
import torch
from skorch.callbacks import Callback

from mtlearn._utils import _threads
from tiny_problems import make_table, table_estimator


class Begun(Callback):
    def __init__(self, event):
        self.event = event

    def on_epoch_end(self, net, **kwargs):
        self.event.set()


def main():
    # More threads than one are a matter of OpenMP's, which a fork leaves without them.
    torch.set_num_threads(1)
    X, y = make_table()
    fitted = table_estimator(n_threads=1).fit(X, y)
    expected, content = fitted.predict(X), pickle.dumps(fitted)
    begun = threading.Event()
    trained = table_estimator(max_epochs=10**6, n_threads=1, callbacks=[Begun(begun)])
    threading.Thread(target=lambda: trained.fit(X, y), daemon=True).start()
    assert begun.wait(60)
    _threads._LOCK.acquire()  # as if the thread were just setting a number of threads
    child = os.fork()
    if child == 0:
        signal.alarm(60)  # which ends a child that waits for ever
        assert np.array_equal(fitted.predict(X), expected)
        print("predicted", flush=True)
        assert np.array_equal(pickle.loads(content).predict(X), expected)
        print("unpickled", flush=True)
        again = table_estimator(n_threads=1).fit(X, y)
        assert np.array_equal(again.predict(X), expected)
        print("fitted", flush=True)
        os._exit(0)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
    os._exit(0)  # the thread would train on


if __name__ == "__main__":
    main()
