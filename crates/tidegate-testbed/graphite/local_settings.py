"""Settings of Graphite in a test: everything lies in the folder that it is started in."""

import os

FOLDER = os.getcwd()

SECRET_KEY = "of a test"
ALLOWED_HOSTS = ["*"]
TIME_ZONE = "UTC"
STORAGE_DIR = FOLDER
WHISPER_DIR = os.path.join(FOLDER, "whisper")
LOG_DIR = FOLDER
INDEX_FILE = os.path.join(FOLDER, "index")
CARBONLINK_HOSTS = []
# What is asked twice is looked at twice.
DEFAULT_CACHE_DURATION = 0
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
