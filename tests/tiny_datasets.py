"""Small map-style datasets."""

from torch.utils.data import Dataset, IterableDataset


class ListedItems:
    """Items by number, of no class of torch's."""

    def __init__(self, items):
        self.items = items

    def __len__(self):
        return len(self.items)

    def __getitem__(self, number):
        return self.items[number]


class Items(Dataset):
    """A dataset that keeps the numbers of the items that were read."""

    def __init__(self, items):
        self.items = items
        self.length = len(items)
        self.read = []

    def __len__(self):
        return self.length

    def __getitem__(self, number):
        self.read.append(number)
        return self.items[number]


class Pairs(Items):
    """A dataset of (x, y)."""

    def __init__(self, X, y):
        super().__init__(X)
        self.y = y

    def __getitem__(self, number):
        return super().__getitem__(number), self.y[number]


class Stream(IterableDataset):
    """Items in one order."""

    def __init__(self, items):
        self.items = items

    def __iter__(self):
        return iter(self.items)


class Unsized(Dataset):
    """A dataset without a length."""

    def __init__(self, items):
        self.items = items

    def __getitem__(self, number):
        return self.items[number]
